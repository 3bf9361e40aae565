from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.api import queries
from tundish_platform.api.predictions import predictions
from tundish_platform.assets import UnknownSignals
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.samples import SampleBatch

CANARY = "canary-7f3a"
LINE = f"S/{CANARY}/L1"


def test_latest_values_carry_their_signal_and_their_kind(world: World) -> None:
    found = {value.signal.id: value for value in queries.latest_values(world.context, world.scopes["steel"])}
    ids = world.ids
    assert set(found) == set(ids.values())
    assert found[ids["pressure"]].value == 0.0
    assert found[ids["count"]].value == 2**53 + 3
    assert found[ids["state"]].value == CANARY
    assert found[ids["wave"]].value[:2] == [1.0, 2.0]  # type: ignore[index]
    assert found[ids["pressure"]].good
    assert found[ids["pressure"]].ts.tzinfo is not None


def test_a_bad_status_is_not_good(world: World, make_batch: Callable[..., SampleBatch]) -> None:
    number = world.ids["pressure"]
    bad = make_batch(SampleKind.NUMERIC, number, [None], datetime.now(UTC), status=0x80310000)
    world.context.telemetry.append(world.scopes["steel"], [bad])
    (value,) = queries.latest_values(world.context, world.scopes["steel"], [number])
    assert value.value is None
    assert not value.good


def test_queries_need_a_scope_that_may_read_and_know_its_signals(world: World) -> None:
    steel = world.scopes["steel"]
    blind = steel.narrowed(frozenset(world.ids.values()), frozenset({Permission.INGEST}))
    for denied in (
        queries.signals,
        queries.sources,
        queries.latest_values,
        queries.line_overviews,
        predictions,
    ):
        with pytest.raises(AccessDenied):
            denied(world.context, blind)
    with pytest.raises(UnknownSignals):
        queries.latest_values(world.context, world.scopes["power"], [1])
    assert queries.latest_values(world.context, world.scopes["power"]) == []
    assert queries.line_overviews(world.context, world.scopes["power"]) == []


def test_a_narrowed_scope_gets_its_own_signals_only(world: World) -> None:
    narrow = world.scopes["steel"].narrowed(frozenset({world.ids["flow"]}), frozenset({Permission.READ}))
    assert [v.signal.id for v in queries.latest_values(world.context, narrow)] == [world.ids["flow"]]
    (line,) = queries.line_overviews(world.context, narrow)
    assert [signal.id for signal in line.signals] == [world.ids["flow"]]


def test_completeness_is_of_the_lines_own_time_and_names_the_silent(world: World) -> None:
    """Both signals send each second; in the last minute the flow is silent."""
    minute = queries.line_completeness(world.context, world.scopes["steel"], LINE, timedelta(minutes=1))
    # The flow's last sample speaks for one second more, until its recorded gap begins.
    assert minute.by_signal == pytest.approx(
        {world.ids["pressure"]: 1.0, world.ids["flow"]: 1 / 60}, abs=1e-6
    )
    assert minute.share == pytest.approx((1 + 1 / 60) / 2, abs=1e-6)
    assert minute.silent == (world.ids["flow"],)
    both = queries.line_completeness(world.context, world.scopes["steel"], LINE, timedelta(minutes=2))
    assert both.by_signal[world.ids["flow"]] == pytest.approx(0.5, abs=0.01)
    assert both.silent == ()
    nothing = queries.line_completeness(world.context, world.scopes["power"], LINE)
    assert (nothing.now, nothing.share) == (None, None)


def test_one_sample_from_a_wrong_clock_does_not_make_the_line_look_dead(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    wrong = make_batch(SampleKind.TEXT, world.ids["state"], ["RUN"], datetime(2199, 12, 31, tzinfo=UTC))
    world.context.telemetry.append(world.scopes["steel"], [wrong])
    found = queries.line_completeness(world.context, world.scopes["steel"], LINE, timedelta(minutes=1))
    assert found.by_signal[world.ids["pressure"]] == 1.0


def test_a_line_at_a_glance(world: World) -> None:
    (line,) = queries.line_overviews(world.context, world.scopes["steel"])
    ids = world.ids
    assert line.line == LINE
    assert {s.id for s in line.signals} == {ids[k] for k in ("pressure", "flow", "count", "state", "wave")}
    assert [value.value for value in line.states] == [CANARY]
    assert [source.name for source in line.sources] == ["opc"]
    assert line.arrival is not None
    assert line.completeness.now == max(value.ts for value in line.latest)


def test_a_trend_keeps_the_extremes(world: World) -> None:
    now = datetime.now(UTC)
    pressure, flow = queries.trend(
        world.context,
        world.scopes["steel"],
        [world.ids["pressure"], world.ids["flow"]],
        now - timedelta(hours=1),
        now + timedelta(hours=1),
        20,
    )
    assert pressure.signal.unit == "bar"
    assert pressure.points.column_names == ["ts", "value", "status"]
    values = pressure.points["value"].to_pylist()
    assert (min(values), max(values)) == (0.0, 6.0)
    assert set(flow.points["value"].to_pylist()) == {1.0}


def test_predictions_come_with_their_evidence(world: World) -> None:
    (found,) = predictions(world.context, world.scopes["steel"])
    assert (found.model, found.target, found.value, found.label_zh) == ("m", "cooler", 20.0, CANARY)
    assert found.path == f"{LINE}/Models/m/cooler"
    assert found.line == LINE
    assert found.value_signal == world.ids["value"]
    assert found.evidence[0].contribution == 0.7
    assert found.window_end is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"model": "m"}',
        '{"model": "m", "target": "cooler", "value": NaN}',
        '{"model": "m", "target": "cooler", "evidence": [{}]}',
        json.dumps({"model": "m", "target": "cooler", "window_start": "2026-01-01T00:00:00"}),
        None,
    ],
)
def test_evidence_nobody_can_read_is_left_out_and_harms_nothing_else(
    world: World, make_batch: Callable[..., SampleBatch], text: str | None
) -> None:
    later = datetime.now(UTC) + timedelta(seconds=5)
    world.context.telemetry.append(
        world.scopes["steel"], [make_batch(SampleKind.TEXT, world.ids["evidence"], [text], later)]
    )
    assert predictions(world.context, world.scopes["steel"]) == []
    answer = world.app.test_client().get("/api/v1/tenants/steel/predictions", headers=world.header("viewer"))
    assert (answer.status_code, answer.get_json()) == (200, [])
