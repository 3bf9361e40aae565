"""Made-up records of each kind, as the conformance suite and authors' own tests hand them to an app."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.sdk.questionnaire import read_questionnaire
from tundish_platform.sdk.records import RECORDS, RecordKind, record_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.sdk.manifest import Manifest

_USAGE: Final = (
    "machines", "connected_machines", "signals", "connected_signals", "sources", "apps", "app_runs", "people",
    "people_active", "log_in_days", "alarms_raised", "alarms_acknowledged", "alerts_judged", "orders",
    "products", "maintenance_windows",
)  # fmt: skip


def example_records(
    manifest: Manifest, end: datetime, folder: Path | None = None
) -> Mapping[RecordKind, pa.Table]:
    """A few rows of each kind the manifest asks for, with the fields it asks for; the same each time.

    Args:
        manifest: of the app.
        end: the rows lie before it.
        folder: the app's package, for the questions of its questionnaire.
    """
    made: Mapping[RecordKind, Callable[[], list[dict[str, Any]]]] = {
        RecordKind.PRODUCT_EVENTS: lambda: _products(end),
        RecordKind.ALARMS: lambda: [
            {"day": end - timedelta(days=n), "priority": 1 + n % 3, "raised": 3 + n, "acknowledged": n}
            for n in range(6)
        ],
        RecordKind.MAINTENANCE: lambda: [
            {"path": "Site/Area/Line", "starts_at": end - timedelta(hours=2), "ends_at": end}
        ],
        RecordKind.USAGE: lambda: [
            {"figure": name, "value": float(n), "as_of": end} for n, name in enumerate(_USAGE)
        ],
        RecordKind.ANSWERS: lambda: _answers(end, folder),
        RecordKind.PEERS: lambda: [
            {
                "figure": "oee", "month": end.strftime("%Y-%m"), "industry": "C31", "size": "", "q1": 0.5,
                "median": 0.6, "q3": 0.7, "at_least": 5,
            },
            {"figure": "fpy", "month": end.strftime("%Y-%m"), "industry": "", "size": "", "reason": "few"},
        ],
    }  # fmt: skip
    return {wish.kind: record_table(wish.kind, made[wish.kind](), wish.fields) for wish in manifest.records}


def no_rows(records: Mapping[RecordKind, pa.Table]) -> dict[RecordKind, pa.Table]:
    """The same kinds, granted, and nothing in them."""
    return {kind: RECORDS[kind].empty_table() for kind in records}


def nothing_told(records: Mapping[RecordKind, pa.Table]) -> dict[RecordKind, pa.Table]:
    """The same rows with every field empty, as where a person took back single fields."""
    return {kind: record_table(kind, table.to_pylist(), ()) for kind, table in records.items()}


def _products(end: datetime) -> list[dict[str, Any]]:
    begun = end - timedelta(days=1)
    lot = {"kind": "lot", "series": "heat", "number": "26001", "material": "Q355B"}
    piece = {"kind": "piece", "series": "slab", "number": "26001-1"}
    return [
        {"event": "declared", "at": begun, **lot, "quantity": 210.0, "unit": "t"},
        {"event": "declared", "at": begun + timedelta(hours=1), **piece, "order": "order/O-7"},
        {
            "event": "made_from", "at": begun + timedelta(hours=1), **piece, "from_series": "heat",
            "from_number": "26001", "position": "strand 1",
        },
        {
            "event": "stay", "at": begun + timedelta(hours=2), "ends_at": begun + timedelta(hours=3), **piece,
            "path": "Site/Area/Line",
        },
    ]  # fmt: skip


def _answers(end: datetime, folder: Path | None) -> list[dict[str, Any]]:
    if folder is None:
        return []
    questions = read_questionnaire(folder)
    return [
        {
            "question": one.key, "version": questions.version, "said_at": end,
            "answer": one.choices[-1].key if one.choices else repr(float(one.low)),
        }
        for one in questions.questions
    ]  # fmt: skip
