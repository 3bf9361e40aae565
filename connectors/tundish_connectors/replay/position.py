"""Where a play stands, kept on disk so that a second start goes on where the first stopped."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from tundish_connectors.replay.clock import fresh_start
from tundish_connectors.replay.history import phase_s

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_connectors.replay.recording import Part

_SECOND = timedelta(seconds=1)


class PositionError(ValueError):
    """The file is no position, or one of another kit."""


class PartPosition(BaseModel):
    """How far one part is played, in seconds since its first pass began, over all passes.

    Attributes:
        done: everything that may be published up to this second, it included, is published.
        since: rows with a source time up to this second were not played: the play began, or leapt, there.
    """

    model_config = ConfigDict(frozen=True)

    done: int
    since: int


class Position(BaseModel):
    """How far a play is, and which source time that is.

    Attributes:
        kit: whose recording is played.
        v0: source time at which the very first play began; the history ends before it.
        done: source time of the last published second.
        parts: position of each part by its name.
    """

    model_config = ConfigDict(frozen=True)

    kit: str
    v0: AwareDatetime
    done: AwareDatetime
    parts: dict[str, PartPosition]

    @classmethod
    def first(cls, kit_id: str, parts: Sequence[Part], v0: datetime) -> Self:
        """The position before anything was played."""
        begun = {part.name: phase_s(part, v0) - 1 for part in parts}
        return cls(
            kit=kit_id,
            v0=v0,
            done=v0 - _SECOND,
            parts={name: PartPosition(done=at, since=at) for name, at in begun.items()},
        )

    def played(self, seconds: int) -> Self:
        """The position after so many further seconds of play."""
        parts = {
            name: part.model_copy(update={"done": part.done + seconds}) for name, part in self.parts.items()
        }
        return self.model_copy(update={"done": self.done + seconds * _SECOND, "parts": parts})

    def resumed(self, parts: Sequence[Part], wall: datetime, speed: float, span: timedelta) -> Self:
        """The position to go on from at a later start.

        A stop shorter than the span is caught up at the play's speed. After a longer one the source time
        leaps, the recording goes on where it stopped; only parts that follow the day leap along.
        """
        leap = int((fresh_start(wall, speed, span) - _SECOND - self.done) / _SECOND)
        if leap <= 0:
            return self
        moved = {}
        for part in parts:
            at = self.parts[part.name].done + (leap if part.day_aligned else 0)
            moved[part.name] = PartPosition(done=at, since=at)
        return self.model_copy(update={"done": self.done + leap * _SECOND, "parts": moved})


class PositionFile:
    """The position of one kit's play in a state folder, replaced as a whole or not at all."""

    def __init__(self, folder: Path, kit_id: str) -> None:
        self._path = folder / f"replay-{kit_id}.json"
        self._kit_id = kit_id

    def load(self) -> Position | None:
        """The saved position, ``None`` if there is none yet.

        Raises:
            PositionError: the file is damaged or another kit's.
        """
        if not self._path.exists():
            return None
        try:
            position = Position.model_validate_json(self._path.read_bytes())
        except ValidationError as error:
            raise PositionError(
                f"{self._path} is damaged, so the replay does not know where it stopped. Delete the file to "
                f"start from the beginning. / {self._path} 已损坏,无法得知回放停在何处。"
                "删除该文件即可从头开始。"
            ) from error
        if position.kit != self._kit_id:
            raise PositionError(
                f"{self._path} belongs to the line kit {position.kit!r}; use another state folder. / "
                f"{self._path} 属于产线套件 {position.kit!r},请更换状态目录。"
            )
        return position

    def save(self, position: Position) -> None:
        """Write beside the file, then put it in the file's place."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".tmp")
        with beside.open("wb") as file:
            file.write(position.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
