"""A window to try an app on: from a CSV file, or a tenant's own through the API, which is only read."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tundish_platform.marketplace.boundary import inputs_of
from tundish_platform.samples import BAD_NO_COMMUNICATION, GOOD, SCHEMAS, SampleKind, SignalInfo, SignalRole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tundish_platform.sdk import AppInputs, Manifest
    from tundish_platform.sdk.client import Client

_HEAD: Final = re.compile(r"(?P<key>[a-z][a-z0-9_]*)(\[(?P<unit>[^\]]*)\])?")
_COLUMNS: Final = ["signal", "ts", "value", "status"]


class WindowRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A file that is no window for the app; says which line or column, and why."""


def window_from_csv(manifest: Manifest, file: Path, given: Mapping[str, float | str]) -> AppInputs:
    """Read ``ts,<input key>[<unit>],…``: instants with a zone, a column for each signal, empty cells are bad.

    Args:
        manifest: of the app.
        file: UTF-8, with a header; a key may stand several times, for several signals.
        given: settings of the app.

    Raises:
        WindowRefused: a column the manifest does not know, or a cell that is none.
    """
    with file.open(encoding="utf-8-sig", newline="") as source:
        head, *rows = [row for row in csv.reader(source) if row] or [[]]
    if not rows or head[:1] != ["ts"]:
        raise WindowRefused("the file needs a header ts,<input>,… and at least one row")
    times = [_instant(row[0], number) for number, row in enumerate(rows, start=2)]
    steps = [(b - a).total_seconds() for a, b in pairwise(times)]
    if any(step <= 0 for step in steps):
        raise WindowRefused("the instants must rise from row to row")
    signals = tuple(
        _signal(manifest, number, text, median(steps) if steps else None)
        for number, text in enumerate(head[1:], start=1)
    )
    tables: dict[SampleKind, list[pa.Table]] = {}
    for signal in signals:
        tables.setdefault(signal.kind, []).append(_samples(signal, times, rows))
    end = times[-1] + timedelta(microseconds=1)
    start = min(times[0], end - timedelta(microseconds=1))
    whole = {kind: pa.concat_tables(parts) for kind, parts in tables.items()}
    return inputs_of(manifest, (start, end), signals, whole, manifest.settings(dict(given)))


def window_from_tenant(
    manifest: Manifest, client: Client, tenant: str, given: Mapping[str, float | str], end: datetime | None
) -> AppInputs:
    """The tenant's newest window, or the one that ends at an instant; nothing is written anywhere.

    Args:
        manifest: of the app.
        client: with a token that may read.
        tenant: its short name.
        given: settings of the app.
        end: of the window; behind the newest sample if absent.
    """
    served = [s for s in client.signals(tenant) if any(i.matches(s) for i in manifest.inputs)]
    signals = tuple(sorted(served, key=lambda s: s.path))
    if end is None:
        newest = [datetime.fromisoformat(row["ts"]) for row in client.latest(tenant, [s.id for s in signals])]
        end = max(newest, default=datetime.now(UTC)) + timedelta(microseconds=1)
    start = end - timedelta(seconds=manifest.window_s)
    tables = {}
    for kind in sorted({s.kind for s in signals}):
        numbers = [s.id for s in signals if s.kind is kind]
        tables[kind] = client.samples(tenant, numbers, start, end, kind).select(_COLUMNS)
    return inputs_of(manifest, (start, end), signals, tables, manifest.settings(dict(given)))


def _instant(text: str, line: int) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WindowRefused(f"line {line}: {text!r:.40} is no instant in ISO 8601") from None
    if found.tzinfo is None:
        raise WindowRefused(f"line {line}: {text!r:.40} has no time zone")
    return found


def _signal(manifest: Manifest, number: int, text: str, period: float | None) -> SignalInfo:
    head = _HEAD.fullmatch(text.strip())
    item = next((i for i in manifest.inputs if head and i.key == head["key"]), None)
    if head is None or item is None:
        keys = ", ".join(i.key for i in manifest.inputs)
        raise WindowRefused(f"column {text!r:.60}: the app has the inputs {keys}")
    role = item.roles[0] if item.roles else SignalRole.MEASUREMENT
    return SignalInfo(
        id=number, source="csv", path=f"Site/Area/Line/Machine/{item.key}/Signal{number}",
        name_zh=f"第{number}列", name_en=f"Column {number}",
        semantic=item.semantic.replace("*", "example").removeprefix("."), kind=item.kinds[0], role=role,
        unit=head["unit"] or item.unit, period_s=period,
    )  # fmt: skip


def _samples(signal: SignalInfo, times: list[datetime], rows: list[list[str]]) -> pa.Table:
    values = [
        _value(signal, row[signal.id] if signal.id < len(row) else "", line)
        for line, row in enumerate(rows, start=2)
    ]
    status = [BAD_NO_COMMUNICATION if value is None else GOOD for value in values]
    schema = SCHEMAS[signal.kind]
    columns = ([signal.id] * len(values), times, values, status)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _value(signal: SignalInfo, text: str, line: int) -> Any:  # noqa: ANN401 - of the signal's kind
    text = text.strip()
    if not text:
        return None
    if signal.kind is SampleKind.TEXT:
        return text
    try:
        return int(text) if signal.kind is SampleKind.INTEGER else float(text)
    except ValueError:
        raise WindowRefused(f"line {line}: {text!r:.40} is no number") from None
