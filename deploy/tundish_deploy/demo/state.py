"""What the demonstration keeps between two starts, in one folder that only its owner can read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from tundish_deploy.secrets import private_file

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class DemoState:
    """Progress of the set-up, so that a second start goes on where the first stopped.

    Attributes:
        folder: where everything of the demonstration lies.
        speed: seconds of recording per second.
        accounts: tenants, people and tokens were made.
        imported: kits whose history is in the store → where it ends and the live part begins.
        logins: log-in name → password, for the person at the screen.
    """

    folder: Path
    speed: float
    accounts: bool = False
    imported: dict[str, str] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, speed: float) -> Self:
        """The state of an earlier start, or a new one."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        file = folder / "demo.json"
        kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return cls(folder, **{**kept, "speed": speed})

    def save(self) -> None:
        """Write the state, whole or not at all."""
        kept = asdict(self)
        del kept["folder"]
        private_file(self.folder / "demo.json", json.dumps(kept, ensure_ascii=False, indent=1))

    @property
    def settings_file(self) -> Path:
        """The `tundish.toml` that the parts read."""
        return self.folder / "tundish.toml"

    @property
    def data_dir(self) -> Path:
        """The platform's data folder."""
        return self.folder / "data"

    def secret(self, name: str) -> Path:
        """File of a token or password."""
        return self.folder / "secrets" / name

    def pki(self, name: str) -> Path:
        """Folder of one application's certificate, key and trusted peers."""
        return self.folder / "pki" / name
