"""Indices worked out by hand, and a report that holds nothing it should not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tundish_app_credit_report
from tundish_app_credit_report.app import run
from tundish_app_credit_report.indices import indices, months_between, stability, trend
from tundish_app_credit_report.operation import operation

from tundish_platform.sdk import AppInputs, RecordKind, read_manifest, record_table
from tundish_platform.sdk.testing import check_app, example_inputs

FOLDER = Path(tundish_app_credit_report.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")
END = datetime(2026, 7, 10, tzinfo=UTC)


def declared(kind: str, number: str, at: datetime, order: str | None = None) -> dict[str, Any]:
    series = "order" if kind == "order" else "coil"
    return {"event": "declared", "at": at, "kind": kind, "series": series, "number": number, "order": order}


def half_year(made: list[int]) -> list[dict[str, Any]]:
    """From January on so many pieces a month, and two orders, of which the first is served."""
    rows = []
    for month, count in enumerate(made, start=1):
        at = datetime(2026, month, 5, tzinfo=UTC)
        rows += [declared("order", f"secret-{month}-{n}", at) for n in range(2)]
        order = f"order/secret-{month}-0"
        rows += [declared("piece", f"{month}-{n}", at, order) for n in range(count)]
    return rows


def window(rows: list[dict[str, Any]]) -> AppInputs:
    base = example_inputs(MANIFEST)
    table = record_table(RecordKind.PRODUCT_EVENTS, rows)
    return replace(base, start=END - timedelta(days=31), end=END, records={RecordKind.PRODUCT_EVENTS: table})


def report(made: list[int]) -> dict[str, Any]:
    (document,) = run(window(half_year(made))).documents
    return document.content


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_months_run_over_the_years_end() -> None:
    assert months_between("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_indices_are_of_the_first_three_months() -> None:
    assert indices([8, 10, 12, 15, 0]) == [80, 100, 120, 150, 0]
    assert indices([0, 0, 0, 5]) is None


def test_trend_and_stability_worked_out_by_hand() -> None:
    assert trend([10, 12, 14, 16]) == pytest.approx(100 * 2 / 13)
    assert stability([10, 12, 14, 16]) == pytest.approx(1.0), "a steady rise is stable"
    assert trend([10, 10, 99, 10, 10]) == 0.0, "one odd month is no trend"
    # Pairwise slopes of 10, 14, 10, 14 are 4, 0, 4/3, -4, 0, 4: median 2/3, of a median of 12.
    assert trend([10, 14, 10, 14]) == pytest.approx(100 * (2 / 3) / 12)
    # Without it 10, 13.33, 8.67, 12: centre 11, deviations 1, 2.33, 2.33, 1.
    assert stability([10, 14, 10, 14]) == pytest.approx(1 - 1.4826 * (5 / 3) / 12)
    assert (trend([]), trend([5]), trend([0, 0]), stability([0, 0])) == (None, None, None, None)


def test_a_report_of_six_months() -> None:
    found = report([10, 10, 10, 12, 14, 16])
    assert [one["month"] for one in found["months"]] == months_between("2026-01", "2026-06")
    assert [one["output_index"] for one in found["months"]] == [100, 100, 100, 120, 140, 160]
    assert {one["order_index"] for one in found["months"]} == {100}
    assert (found["orders_served"], found["coverage"]["months_with_data"]) == (0.5, 1.0)


def test_the_month_that_lasts_is_left_out_and_empty_months_count_as_nothing_made() -> None:
    found = report([10, 10, 10, 0, 0, 4, 500])
    assert [one["output_index"] for one in found["months"]] == [100, 100, 100, 0, 0, 40]
    assert found["coverage"] == {"months": 6, "months_with_data": round(4 / 6, 2)}


def test_an_order_younger_than_a_month_is_not_held_against_the_enterprise() -> None:
    old, young = (END - timedelta(days=days) for days in (31, 29))
    rows = [
        declared("order", "1", old),
        declared("order", "2", young),
        declared("piece", "p", old, "order/1"),
    ]
    assert operation(rows, END).served == 1.0
    assert operation(rows[1:2], END).served is None


def test_nothing_raw_is_in_the_report_or_on_the_screen() -> None:
    outputs = run(window(half_year([313, 317, 331, 337, 347, 349])))
    (document,) = outputs.documents
    said = str(document.content) + str(outputs.screen) + str(outputs.values)
    for raw in ("secret", "313", "317", "331", "337", "347", "349", "1994", "coil"):
        assert raw not in said, raw
    assert not {"score", "price", "limit", "rating", "grade"} & set(document.content)
    (wish,) = MANIFEST.records
    assert not {"quantity", "material", "path"} & set(wish.fields)


@pytest.mark.parametrize("made", [[5, 5, 5], [0, 0, 0, 9, 9]])
def test_with_too_little_no_report_is_made(made: list[int]) -> None:
    rows = half_year(made)
    shifted = [
        row | {"at": row["at"] + (END - timedelta(days=30 * len(made)) - rows[0]["at"])} for row in rows
    ]
    outputs = run(window(shifted if len(made) < 4 else rows))
    assert outputs.documents == ()
    assert "No report was made" in str(outputs.screen)


def test_electricity_is_told_as_shares_of_days() -> None:
    base = example_inputs(MANIFEST)
    rows = half_year([10, 10, 10, 10, 10, 10])
    inputs = replace(base, records={RecordKind.PRODUCT_EVENTS: record_table(RecordKind.PRODUCT_EVENTS, [
        row | {"at": row["at"] - timedelta(days=160)} for row in rows
    ])})  # fmt: skip
    (document,) = run(inputs).documents
    shares = document.content["electricity"]
    assert isinstance(shares, dict)
    assert (shares["days_measured"], shares["days_used"]) == (1.0, 1.0), "the example's counters always rise"
    (alone,) = run(replace(inputs, signals=(), tables={})).documents
    assert alone.content["electricity"] == {"days_measured": None, "days_used": None}
