"""What an earlier process left: rows to deliver, numbers, and how far each signal had come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_connectors.collect.checkpoint import Checkpoint, read_checkpoint
from tundish_connectors.collect.gateway import left_over_rows
from tundish_connectors.collect.numbers import SignalNumbers
from tundish_connectors.collect.rows import value_batch
from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.spool import Spool
from tundish_platform.samples import Origin, SampleKind, SignalSpec, encode_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START = 1_750_000_000_000_000
RECORDS, ROWS = 10, 3


def rows(start: int, origin: Origin = Origin.LIVE) -> bytes:
    values = [(1, start + at, 1.0, 0) for at in range(ROWS)]
    return encode_batch(value_batch(SampleKind.NUMERIC, values, datetime.now(UTC), origin))


def spool(folder: Path) -> Spool:
    return Spool(folder / "spool", max_bytes=10**6, segment_bytes=10**4)


def filled(folder: Path) -> Spool:
    made = spool(folder)
    for at in range(RECORDS):
        made.append([rows(START + 10 * at)])
    return made


def test_rows_that_the_live_lane_delivered_ahead_are_not_left_over(tmp_path: Path) -> None:
    made = filled(tmp_path)
    assert left_over_rows(made) == RECORDS * ROWS
    made.acknowledge(2)
    # The backlog ends behind the fifth record; of what came in since, two are at the platform already.
    made.acknowledge_ahead(5, 7)
    assert left_over_rows(made) == (RECORDS - 4) * ROWS
    made.close()
    again = spool(tmp_path)
    assert left_over_rows(again) == (RECORDS - 4) * ROWS
    again.acknowledge(10)
    assert left_over_rows(again) == 0
    again.close()


class Renumbering:
    """A platform that lost its database: the same path has another number each time."""

    def __init__(self, number: int) -> None:
        self.number = number

    def put_signals(self, _source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        return {one.path: self.number for one in specs}

    def ingest(self, _batches: object) -> int:
        raise AssertionError("nothing is delivered here")


@pytest.mark.parametrize("delivered", ["nothing", "all but one", "all, some of it ahead"])
def test_other_numbers_are_refused_while_data_with_the_old_ones_waits(tmp_path: Path, delivered: str) -> None:
    made = filled(tmp_path)
    if delivered != "nothing":
        made.acknowledge_ahead(5, RECORDS)
        made.acknowledge(5 if delivered.startswith("all,") else 4)
    spec = SignalSpec(path="a/b", name_zh="a", name_en="a", semantic="")
    assert SignalNumbers("s", Renumbering(1), made, tmp_path / "n.json").declare([spec]) == {"a/b": 1}
    later = SignalNumbers("s", Renumbering(2), made, tmp_path / "n.json")
    if delivered.startswith("all,"):
        assert later.declare([spec]) == {"a/b": 2}
    else:
        with pytest.raises(ConnectorError, match="differently than before") as caught:
            later.declare([spec])
        assert caught.value.kind is ErrorKind.FATAL
    made.close()


def test_imported_rows_say_nothing_of_how_far_a_source_has_come(tmp_path: Path) -> None:
    made = spool(tmp_path)
    made.append([rows(START)])
    Checkpoint(number=made.last, last={1: START + 2}).write(tmp_path / "last.json")
    made.append([rows(START + 500, Origin.IMPORT)])
    assert read_checkpoint(tmp_path / "last.json", made) == {1: START + 2}
    made.append([rows(START + 100)])
    assert read_checkpoint(tmp_path / "last.json", made) == {1: START + 102}
    (tmp_path / "last.json").write_text("torn {")
    assert read_checkpoint(tmp_path / "last.json", made) == {1: START + 102}
    made.close()
