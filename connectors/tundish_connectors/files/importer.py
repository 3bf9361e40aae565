"""Delivers rows that lie at hand (a recording's history, a long file) to the platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tundish_connectors.delivery.protocol import Delivery
    from tundish_connectors.files.table import PathTable
    from tundish_platform.samples import SignalSpec


class UndeclaredSignals(ValueError):  # noqa: N818 - says what is wrong, as its readers see it
    """Rows name signals that were not declared; nothing of their table was delivered."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import delivered.

    Attributes:
        rows: rows that the platform has made durable.
        signals: how many signals they belong to.
        without_rows: declared paths of which no row was found.
    """

    rows: int
    signals: int
    without_rows: tuple[str, ...]


def deliver(
    source: str,
    specs: Sequence[SignalSpec],
    tables: Iterable[PathTable],
    delivery: Delivery,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Declare the signals, then deliver table by table.

    Args:
        source: name of this import, as the platform lists it.
        specs: all signals that the rows may name.
        tables: the rows; taken one by one, so that only one is in memory.
        delivery: the way to the platform; its errors go through unchanged.
        progress: told the rows delivered so far after each table.

    Raises:
        UndeclaredSignals: a table names a path that no specification has.
    """
    ids = delivery.put_signals(source, list(specs))
    rows = 0
    seen: set[str] = set()
    for table in tables:
        paths = table.present()
        unknown = sorted(paths - ids.keys())
        if unknown:
            raise UndeclaredSignals(_unknown_message(unknown))
        rows += delivery.ingest([table.batch(ids, datetime.now(UTC))])
        seen |= paths
        if progress:
            progress(rows)
    return ImportReport(rows, len(seen), tuple(sorted(spec.path for spec in specs if spec.path not in seen)))


def _unknown_message(paths: Sequence[str]) -> str:
    named = ", ".join(paths[:5]) + (" …" if len(paths) > 5 else "")  # noqa: PLR2004 - as many as fit a line
    return (
        f"The file has rows of {len(paths)} signals that are not declared ({named}). Their table was not "
        f"delivered. Declare the signals or take the rows out. / 文件中有 {len(paths)} 个未声明的信号"
        f"({named}),所在的数据块未写入。请先声明这些信号,或删除相应的行。"
    )
