"""What files that start parts are held against: the commands, settings and secrets that the code knows."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from tundish_deploy.cli import app
from tundish_deploy.newinstall import make_installation
from tundish_deploy.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[3]
RANDOM = "kQ7vZ2mX9pL4wR8tY3nB6cF1dH5jG0sA"


@dataclass(frozen=True)
class Code:
    """The code's side of each comparison.

    Attributes:
        root: of the repository.
    """

    root: Path

    def command_error(self, arguments: Sequence[str]) -> str | None:
        """Why the `tundish` command would not take these arguments; None if it would."""
        command: Any = get_command(app)
        left = list(arguments)
        while groups := getattr(command, "commands", None):
            if not left or left[0] not in groups:
                return f"there is no command {' '.join(arguments)}"
            command, left = groups[left[0]], left[1:]
        try:
            command.make_context("tundish", left)
        except Exception as error:  # noqa: BLE001 - whatever the command line says
            return str(error)
        return None

    def settings_names(self) -> set[str]:
        """Every variable of the environment that sets something."""
        return {f"TUNDISH_{key}".upper() for key in _keys(Settings)}

    def unknown(self, variables: Mapping[str, str | None]) -> list[str]:
        """Variables that look like settings and set nothing."""
        return sorted(
            name for name in variables if name.startswith("TUNDISH_") and name not in self.settings_names()
        )

    @contextmanager
    def loaded(
        self, text: str, folder: Path, secrets: Mapping[str, str], variables: Mapping[str, str]
    ) -> Iterator[tuple[Settings, Path]]:
        """Settings as a container reads them, with its absolute paths below `folder`.

        Args:
            text: TOML.
            folder: an empty folder that stands for the container's root.
            secrets: what the mounted secret files hold, by path in the container.
            variables: of the environment.
        """
        for path, content in secrets.items():
            here = folder / path.lstrip("/")
            here.parent.mkdir(parents=True, exist_ok=True)
            here.touch(mode=0o600)
            here.write_text(content, "utf-8")
        file = folder / "tundish.toml"
        # As ConfigMaps and configs are mounted: for everybody in the container to read.
        file.touch(mode=0o644)
        file.write_text(re.sub(r'"(/(?:etc|var|run)/)', rf'"{folder}\1', text), "utf-8")
        before = dict(os.environ)
        os.environ.update(
            {
                name: re.sub(r"^(/(?:etc|var|run)/)", rf"{folder}\1", value)
                for name, value in variables.items()
            }
        )
        try:
            yield load_settings(file), file
        finally:
            os.environ.clear()
            os.environ.update(before)


def _keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _keys(inner, f"{above}{name}__")
        yield f"{above}{name}"


@pytest.fixture(scope="session")
def code() -> Code:
    return Code(ROOT)


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `tundish init` makes, by file name."""
    folder = tmp_path_factory.mktemp("made") / "new"
    make_installation(folder, "en", "https://tundish.example", 8050)
    return {path.name: path.read_text() for path in (folder / "secrets").iterdir()}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key of ``localhost`` and ``127.0.0.1``, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:localhost,DNS:tundish.example,IP:127.0.0.1"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    told = ["-subj", "/CN=localhost", "-addext", names, "-keyout", "tls.key", "-out", "tls.crt"]
    command = ["openssl", "req", "-x509", *kind, *told]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "tls.crt", folder / "tls.key"
