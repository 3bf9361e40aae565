"""Looking at every byte of backups: what is damaged, missing or swapped is found before it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tundish_deploy.backups.manifest import contents, read_manifest
from tundish_deploy.backups.sealing import Damaged, NewerFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_deploy.backups.place import BackupPlace, Content


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        backups: how many were looked at.
        files, bytes: of their content, each once.
        faults: by backup, in words; empty if all is what was written.
        chunks: names of those that cannot be read.
    """

    backups: int = 0
    files: int = 0
    bytes: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)
    chunks: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "backups": self.backups, "files": self.files, "bytes": self.bytes, "faults": self.faults,
            "damaged_chunks": sorted(self.chunks),
        }  # fmt: skip


def verify(place: BackupPlace, names: Sequence[str] | None = None) -> Verdict:
    """Read backups, all or some, from the first byte to the last."""
    verdict = Verdict()
    known: dict[tuple[str, ...], str | None] = {}
    for name in place.backups() if names is None else names:
        verdict.backups += 1
        faults: list[str] = []
        try:
            for what, content in contents(place, read_manifest(place, name)):
                key = (content.sha256, *(chunk.name for chunk in content.chunks))
                if key not in known:
                    known[key] = _fault(place, content, verdict)
                if known[key] is not None:
                    faults.append(f"{what}: {known[key]}")
        except (Damaged, NewerFormat, ValueError) as error:
            faults.append(str(error))
        if faults:
            verdict.faults[name] = faults
    return verdict


def _fault(place: BackupPlace, content: Content, verdict: Verdict) -> str | None:
    verdict.files += 1
    broken = []
    for chunk in content.chunks:
        try:
            place.get(chunk)
        except (Damaged, NewerFormat) as error:
            broken.append(str(error))
            verdict.chunks.add(chunk.name)
    if broken:
        return broken[0]
    try:
        verdict.bytes += sum(len(piece) for piece in place.pieces(content))
    except Damaged as error:
        return str(error)
    return None
