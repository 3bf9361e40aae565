"""Finished parts of a campaign in a file, so that a long run can be broken off and gone on with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import TypeAdapter

from tundish_deploy.figures import commit

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")


class OtherRun(Exception):  # noqa: N818 - says what the file is
    """The kept parts are of another campaign or of another state of the source."""


class Kept(Generic[T]):
    """The file: a line that says of what it is, then one for each part.

    Args:
        path: of the file; made if missing.
        kind: of a part's result, a dataclass.
        act: what made them.

    Raises:
        OtherRun: they would be figures of several programs.
    """

    def __init__(self, path: Path, kind: type[T], act: str) -> None:
        self._path = path
        self._results = TypeAdapter(kind)
        self._of = json.dumps({"act": act, "commit": commit()})
        if not path.is_file():
            path.write_text(self._of + "\n")
        whole, end, _half_a_line_of_a_killed_run = path.read_text().rpartition("\n")
        path.write_text(whole + end)
        found = whole.partition("\n")[0]
        if found != self._of:
            raise OtherRun(f"{path} is of {found}, this is {self._of}; begin another file")

    def read(self) -> dict[str, T]:
        """Results by the call that made them."""
        results = {}
        for line in self._path.read_text().splitlines()[1:]:
            key, _, result = line.partition("\t")
            results[key] = self._results.validate_json(result)
        return results

    def add(self, call: tuple[Any, ...], result: T) -> None:
        """Keep one more."""
        with self._path.open("a") as file:
            file.write(f"{key_of(call)}\t{self._results.dump_json(result).decode()}\n")


def key_of(call: tuple[Any, ...]) -> str:
    """Names a call by its arguments."""
    return json.dumps(call)
