"""Aggregates and times in state over HTTP, by the windows of a plant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from tundish_platform.api import params, queries, raw
from tundish_platform.assets import UnknownSignals, upsert_signals
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel"
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
DAY = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
HOUR_S = 3600.0
BAD = 0x80310000


@pytest.fixture
def declare(world: World) -> Callable[..., int]:
    """Declares a signal of the plant "steel" with its samples: (second since a start, value, status)."""

    def made(
        name: str,
        samples: list[tuple[float, Any, int]],
        kind: SampleKind = SampleKind.NUMERIC,
        *,
        start: datetime = START,
        line: str = "S/A/L2",
        **more: object,
    ) -> int:
        texts = {"name_zh": "值", "name_en": "value", "semantic": "x"}
        spec = SignalSpec.model_validate({"path": f"{line}/M/C/{name}", "kind": kind, **texts, **more})
        with world.context.metadata.session() as session:
            number = upsert_signals(session, world.scopes["steel"], "opc", [spec])[spec.path]
        columns = {
            "signal": [number] * len(samples),
            "ts": [start + timedelta(seconds=second) for second, _, _ in samples],
            "value": [value for _, value, _ in samples],
            "status": [status for _, _, status in samples],
        }
        table = pa.table(columns, schema=SCHEMAS[kind])
        world.context.telemetry.append(world.scopes["steel"], [SampleBatch(kind, table, datetime.now(UTC))])
        return number

    return made


@pytest.fixture
def worked(world: World, declare: Callable[..., int]) -> int:
    """The worked example of docs/reference/queries.md."""
    number = declare("Worked", [(0, 1.0, 0), (10, 3.0, 0), (20, 5.0, BAD), (30, 4.0, 0)], period_s=10.0)
    gap = {
        "signal": [number],
        "ts": [START + timedelta(seconds=50)],
        "end": [START + timedelta(seconds=55)],
        "reason": ["silent"],
    }
    table = pa.table(gap, schema=SCHEMAS[SampleKind.GAP])
    world.context.telemetry.append(
        world.scopes["steel"], [SampleBatch(SampleKind.GAP, table, datetime.now(UTC))]
    )
    return number


def get(world: World, path: str, **query: object) -> TestResponse:
    return world.app.test_client().get(f"{ROOT}/{path}", query_string=query, headers=world.header("viewer"))


def rows(world: World, path: str, **query: object) -> list[dict[str, Any]]:
    answer = get(world, path, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()
    return found


def test_the_worked_example_of_an_aggregate(world: World, worked: int) -> None:
    (row,) = rows(world, "aggregate", signals=worked, by="step", step_s=60, **MINUTE)
    assert row == {
        "signal": worked,
        "start": "2026-01-01T00:00:00+00:00",
        "end": "2026-01-01T00:01:00+00:00",
        "day": None,
        "shift": None,
        "mean": 3.25,
        "min": 1.0,
        "max": 4.0,
        "first": 1.0,
        "last": 4.0,
        "count": 4,
        "integral": 130.0,
        "good_share": 0.75,
        "good_s": 40.0,
        "completeness": pytest.approx(2 / 3),
        "percent_good": 80.0,
    }
    (held,) = rows(world, "aggregate", signals=worked, by="step", step_s=60, interpolation="step", **MINUTE)
    assert (held["integral"], held["mean"]) == (120.0, 3.0)


def test_steps_count_from_the_start_and_the_last_ends_at_the_end(world: World, worked: int) -> None:
    found = rows(world, "aggregate", signals=worked, by="step", step_s=25, **MINUTE)
    assert [(row["start"][14:19], row["end"][14:19]) for row in found] == [
        ("00:00", "00:25"),
        ("00:25", "00:50"),
        ("00:50", "01:00"),
    ]
    assert [row["good_s"] for row in found] == [20.0, 20.0, 0.0]
    assert found[2]["completeness"] == 0.0
    assert found[2]["mean"] is None


def test_arrow_has_the_same_rows(world: World, worked: int) -> None:
    query = {"signals": worked, "by": "hour", **MINUTE}
    answer = get(world, "aggregate", format="arrow", **query)
    table = pa.ipc.open_stream(answer.data).read_all()
    (row,) = rows(world, "aggregate", **query)
    assert table.column_names == list(row)
    assert table.schema.field("day").type == pa.date32()
    assert (table["day"].to_pylist()[0].isoformat(), table["mean"].to_pylist()) == (row["day"], [row["mean"]])


def minutes(hours: float) -> list[tuple[float, Any, int]]:
    return [(60.0 * n, 1.0, 0) for n in range(int(hours * 60))]


def test_shifts_are_those_of_the_tenants_own_zone(world: World, declare: Callable[..., int]) -> None:
    """Shanghai has no summer time: 08:00 is midnight in UTC all year."""
    number = declare("Shanghai", minutes(4), period_s=60.0)
    found = rows(world, "aggregate", signals=number, by="shift", shifts="08:00,16:00,00:00", **DAY)
    assert [(row["start"][11:16], row["day"], row["shift"]) for row in found] == [
        ("00:00", "2026-01-01", "08:00"),
        ("08:00", "2026-01-01", "16:00"),
        # After midnight, it is still the production day that began at eight.
        ("16:00", "2026-01-01", "00:00"),
    ]
    # The last of 240 samples speaks for three periods.
    assert [row["completeness"] for row in found] == [pytest.approx(242 / 480), 0.0, 0.0]
    assert [row["count"] for row in found] == [240, 0, 0]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z", 7),
        ("2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z", 9),
        ("2026-10-25T21:00:00Z", "2026-10-26T05:00:00Z", 8),
    ],
)
def test_a_night_shift_in_berlin_is_as_long_as_its_night(
    world: World, declare: Callable[..., int], start: str, end: str, hours: int
) -> None:
    began = datetime.fromisoformat(start)
    number = declare("Berlin", minutes(hours + 2), start=began - timedelta(hours=1), period_s=60.0)
    plant = {"by": "shift", "shifts": "06:00,14:00,22:00", "zone": "Europe/Berlin"}
    (night,) = rows(world, "aggregate", signals=number, start=start, end=end, **plant)
    assert night["shift"] == "22:00"
    assert night["day"] == began.date().isoformat()
    assert datetime.fromisoformat(night["end"]) - began == timedelta(hours=hours)
    assert (night["good_s"], night["integral"], night["completeness"]) == (
        hours * HOUR_S,
        hours * HOUR_S,
        1.0,
    )
    # The shift before it ends where the night begins, whatever the clock does.
    earlier = (began - timedelta(hours=1)).isoformat()
    before, again = rows(world, "aggregate", signals=number, start=earlier, end=end, **plant)
    assert (before["end"], again) == (night["start"], night)


def test_each_period_cuts_whole_windows(world: World, worked: int) -> None:
    """The samples lie in the first minute of the UTC day, at eight in Shanghai."""
    expected = {"hour": (24, 4), "day": (2, 4), "production_day": (1, 4), "week": (1, 4), "month": (1, 4)}
    for by, (windows, samples) in expected.items():
        more = {} if by in {"hour", "day"} else {"day_begins": "08:00"}
        found = rows(world, "aggregate", signals=worked, by=by, **more, **DAY)
        assert (len(found), sum(row["count"] for row in found)) == (windows, samples), by
        assert {row["shift"] for row in found} == {None}


def test_a_production_day_begins_with_the_first_shift_unless_said(world: World, worked: int) -> None:
    query = {"signals": worked, "by": "production_day", "shifts": "20:00,08:00", "zone": "UTC", **MINUTE}
    (first,) = rows(world, "aggregate", **query)
    assert first["start"] == "2025-12-31T20:00:00+00:00"
    (said,) = rows(world, "aggregate", day_begins="08:00", **query)
    assert said["start"] == "2025-12-31T08:00:00+00:00"


RUNS = [(0, "run", 0), (100, "stop", 0), (160, "run", 0)]
TWO_HUNDRED = {"by": "step", "step_s": 200, "start": MINUTE["start"], "end": "2026-01-01T00:03:20Z"}


def test_the_worked_example_of_time_in_state(world: World, declare: Callable[..., int]) -> None:
    number = declare("State", RUNS, SampleKind.TEXT, step=True)
    declare("Beside", [(200, 1.0, 0)])
    run, stop = rows(world, "states", signals=number, **TWO_HUNDRED)
    assert (run["state"], run["seconds"], run["entries"]) == ("run", 140.0, 2)
    assert (stop["state"], stop["seconds"], stop["entries"]) == ("stop", 60.0, 1)
    assert run["completeness"] == stop["completeness"] == 1.0
    assert list(run) == [
        "signal", "start", "end", "day", "shift", "state", "seconds", "entries", "completeness",
    ]  # fmt: skip


def test_a_line_that_fell_silent_is_not_running_still(world: World, declare: Callable[..., int]) -> None:
    """Other lines go on; this one's newest sample is at 160 s."""
    number = declare("State", RUNS, SampleKind.TEXT, step=True)
    found = rows(world, "states", signals=number, **TWO_HUNDRED)
    assert [(row["state"], row["seconds"], row["entries"]) for row in found] == [
        ("run", 100.0, 1),
        ("stop", 60.0, 1),
        (None, 40.0, 0),
    ]
    assert {row["completeness"] for row in found} == {0.8}


def test_states_by_shift_over_the_clock_change(world: World, declare: Callable[..., int]) -> None:
    began = datetime(2026, 3, 28, 21, tzinfo=UTC)
    number = declare("State", [(0, 1, 0), (3 * HOUR_S, 0, 0)], SampleKind.INTEGER, start=began, step=True)
    declare("Beside", [(24 * HOUR_S, 1.0, 0)], start=began)
    plant = {"by": "shift", "shifts": "06:00,22:00", "zone": "Europe/Berlin"}
    zero, one, day = rows(
        world, "states", signals=number, start=began.isoformat(), end="2026-03-29T05:00:00Z", **plant
    )
    assert (zero["state"], zero["seconds"], zero["shift"]) == ("0", 4 * HOUR_S, "22:00")
    assert (one["state"], one["seconds"], one["day"]) == ("1", 3 * HOUR_S, "2026-03-28")
    assert (day["state"], day["seconds"], day["shift"]) == ("0", 16 * HOUR_S, "06:00")


REFUSED: list[tuple[str, dict[str, str]]] = [
    ("by", {}),
    ("by", {"by": "minute"}),
    ("step_s", {"by": "step"}),
    ("step_s", {"by": "step", "step_s": "0"}),
    ("step_s", {"by": "step", "step_s": "inf"}),
    ("step_s", {"by": "step", "step_s": "0.001"}),
    ("step_s", {"by": "day", "step_s": "60"}),
    ("zone", {"by": "step", "step_s": "60", "zone": "UTC"}),
    ("shifts", {"by": "day", "shifts": "08:00"}),
    ("day_begins", {"by": "hour", "day_begins": "08:00"}),
    ("zone", {"by": "day", "zone": "Mars/Olympus"}),
    ("zone", {"by": "day", "zone": "../../etc/passwd"}),
    ("zone", {"by": "day", "zone": ""}),
    ("shifts", {"by": "shift"}),
    ("shifts", {"by": "shift", "shifts": ""}),
    ("shifts", {"by": "shift", "shifts": "8:00"}),
    ("shifts", {"by": "shift", "shifts": "08:00,24:00"}),
    ("shifts", {"by": "shift", "shifts": "08:00+01:00"}),
    ("shifts", {"by": "shift", "shifts": "08:00,08:00"}),
    ("shifts", {"by": "shift", "shifts": ",".join(f"00:{n:02}" for n in range(25))}),
    ("day_begins", {"by": "shift", "shifts": "08:00,20:00", "day_begins": "09:00"}),
    ("day_begins", {"by": "month", "day_begins": "noon"}),
    ("surprise", {"by": "day", "surprise": "1"}),
    ("format", {"by": "day", "format": "csv"}),
    ("end", {"by": "day", "end": "2026-01-01T00:00:00Z"}),
    ("signals", {"by": "day", "signals": ""}),
]


@pytest.mark.parametrize("route", ["aggregate", "states"])
def test_what_cannot_cut_windows_is_refused_and_named(world: World, route: str) -> None:
    for named, query in REFUSED:
        answer = get(world, route, **({"signals": world.ids["count"], **DAY} | query))
        assert answer.status_code == 400, (query, answer.text)
        error = answer.get_json()
        assert error["code"] == "bad_parameter"
        assert f"Parameter {named} " in error["message"], query
        assert f"参数 {named} " in error["message_zh"], query


def test_interpolation_is_a_word(world: World) -> None:
    answer = get(world, "aggregate", signals=world.ids["count"], by="day", interpolation="cubic", **DAY)
    assert (answer.status_code, "interpolation" in answer.text) == (400, True)


@pytest.mark.parametrize("route", ["aggregate", "states"])
def test_unknown_signals_are_named(world: World, route: str) -> None:
    answer = get(world, route, signals="1,999", by="day", **DAY)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "unknown_signals")
    assert "999" in answer.get_json()["message"]


@pytest.mark.parametrize("by", [{"by": "hour"}, {"by": "step", "step_s": "3600"}])
def test_signals_times_windows_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch, by: dict[str, str]
) -> None:
    """48 values are asked for."""
    query = {"signals": f"{world.ids['count']},{world.ids['state']}", **DAY, **by}
    for route in ("aggregate", "states"):
        monkeypatch.setitem(params.MAX_ANSWERS, "json", 48)
        assert get(world, route, **query).status_code == 200
        monkeypatch.setitem(params.MAX_ANSWERS, "json", 47)
        answer = get(world, route, **query)
        assert (answer.status_code, "47 values" in answer.text) == (400, True)
        assert get(world, route, format="arrow", **query).status_code == 200


def test_what_has_no_states_is_refused(world: World, declare: Callable[..., int]) -> None:
    number = declare("Level", [(0, 0.5, 0)])
    answer = get(world, "states", signals=number, by="hour", **MINUTE)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "no_states")
    assert "0.5" in answer.get_json()["message"]
    answer = get(world, "states", signals=world.ids["wave"], by="hour", **MINUTE)
    assert (answer.status_code, "has arrays" in answer.text) == (400, True)


def test_states_that_are_none_are_too_many(
    world: World, declare: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = declare("Counter", [(n, n, 0) for n in range(50)], SampleKind.INTEGER)
    query = {"signals": number, "by": "hour", **MINUTE}
    assert len(rows(world, "states", **query)) == 50
    monkeypatch.setitem(params.MAX_ANSWERS, "json", 49)
    answer = get(world, "states", **query)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "too_many_rows")
    monkeypatch.setattr(raw, "MAX_READ", 49)
    answer = get(world, "states", format="arrow", **query)
    assert (answer.status_code, "49 samples" in answer.text) == (422, True)


def test_a_narrowed_scope_sees_only_its_signals(world: World, declare: Callable[..., int]) -> None:
    mine = declare("State", RUNS, SampleKind.TEXT, step=True)
    other = declare("Beside", [(200, 1.0, 0)])
    steel, windows = world.scopes["steel"], np.array([[0, 200_000_000]]) + params.micros(START)
    asked = queries.signals_of(world.context, steel, [mine, other])
    narrow = steel.narrowed(frozenset({mine}), frozenset({Permission.READ}))
    found = queries.states(world.context, narrow, asked, windows)
    assert set(found["signal"].to_pylist()) == {mine}
    # Not even the time that others have reached is told.
    assert found["seconds"].to_pylist() == [100.0, 60.0, 40.0]
    with pytest.raises(UnknownSignals):
        queries.signals_of(world.context, narrow, [other])
    telemetry, stretch = world.context.telemetry, (START, START + timedelta(hours=1))
    kept = raw.rows(telemetry, narrow, asked, stretch, SampleKind.NUMERIC, "arrow")
    assert kept.num_rows == 0
    assert telemetry.aggregate(narrow, asked, windows)["signal"].to_pylist() == [mine]
