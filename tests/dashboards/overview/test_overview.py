"""The overview's figures of a shift that is known to the minute, for whoever may see which line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_dashboards.overview import rows
from tundish_dashboards.overview.data import Overview, read_overview
from tundish_dashboards.overview.hearing import Running, clock_of
from tundish_platform.alarms import AlarmState, Transition, handle, list_alarms, take_reports
from tundish_platform.alarms.listing import count_standing
from tundish_platform.alerts import count_open, take_alert
from tundish_platform.assets import AssetChange, AssetSpec, change_asset, create_asset, list_assets
from tundish_platform.samples import AlarmReport, AlertReport, SampleKind
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Plant


# Ten o'clock of a Tuesday in Shanghai, two hours into the early shift.
WALL = datetime(2026, 5, 12, 2, tzinfo=UTC)
START = WALL - timedelta(hours=2)
SHIFTS = {"shifts": "08:00-20:00 20:00-08:00", "ideal_cycle_s": 54.0, "machine": "S1/A/L1/M"}


def by_path(overview: Overview) -> dict[str, Any]:
    return {line.path: line for line in overview.lines}


def shown(part: object) -> str:
    return json.dumps(part, default=lambda one: one.to_plotly_json(), ensure_ascii=False)


def raise_alarms(plant: Plant) -> None:
    reports = [
        AlarmReport(key=f"{path}{n}", active=True, ts=START, priority=priority, path=path, name_zh="警",
                    name_en="a")
        for n, (path, priority) in enumerate(
            [("S1/A/L1/M", 4), ("S1/A/L1/M/C", 2), ("S1/A/L1/M", 2), ("S1/A/L1", 3), ("S2/A/L2/M", 1)]
        )
    ]  # fmt: skip
    scope = plant.scope(Permission.INGEST)
    with plant.context.of(scope).metadata.session() as session:
        take_reports(session, scope, "s", reports, START)
    person = plant.scope(Permission.HANDLE)
    with plant.context.of(person).metadata.session() as session:
        shelved = next(a for a in list_alarms(session, person, WALL) if a.priority == 3)
        until = WALL + timedelta(hours=1)
        handle(session, person, shelved.id, Transition.SHELVED, comment="x", until=until, now=WALL)


def foresee(plant: Plant, line: str, **more: object) -> None:
    said = {
        "model": "m", "version": "1", "line": line, "target": "pump", "target_zh": "泵", "target_en": "Pump",
        "since": START, "opened_at": START, "judged_to": WALL, "priority": 3, "label_zh": "坏",
        "label_en": "Bad", "confidence": 0.9, "sureness": "probability", "window_start": START,
        "window_end": WALL, "completeness": 1.0, "check_zh": "看", "check_en": "Look",
    }  # fmt: skip
    scope = plant.scope(Permission.INGEST)
    with plant.context.of(scope).metadata.session() as session:
        take_alert(session, scope, AlertReport.model_validate(said | more), WALL)


def test_oee_of_the_running_shift_is_the_one_computed_by_hand(running: Plant) -> None:
    running.plan(SHIFTS)
    overview = read_overview(running.view(), WALL)
    shared = overview.shared
    assert shared is not None
    assert shared.shift is not None
    assert (shared.since, overview.clock, shared.shift.name) == (START, WALL, "08:00")
    judged = by_path(overview)["S1/A/L1"].judged
    assert judged.figures.availability.value == pytest.approx(90 / 120)
    assert judged.figures.performance.value == pytest.approx(54 * 90 / 5400)
    assert judged.figures.quality.value == pytest.approx(0.9)
    assert judged.oee == pytest.approx(54 * 81 / 7200)
    assert judged.confidence.grade == "A"
    text = shown(rows.sites(running.view(), overview))
    assert all(words in text for words in ("60.7%", "75.0%", "90.0%", "grade A"))


def test_a_line_that_fell_silent_is_unknown_and_its_unknown_time_is_left_open(running: Plant) -> None:
    running.plan(SHIFTS)
    line = by_path(read_overview(running.view(), WALL))["S2/A/L2"]
    assert line.reference.running is Running.UNKNOWN
    assert line.reference.state.latest.value == "Execute"
    availability = line.judged.figures.availability
    view = running.view()
    assert "between 49.8% and 100.0%" in shown(rows.sites(view, read_overview(view, WALL)))
    # The last sample came at 59 min 50 s; from then on nobody knows.
    known = (59 + 50 / 60) / 120
    assert availability.value == pytest.approx(1.0)
    assert (availability.low, availability.high) == (pytest.approx(known), pytest.approx(1.0))
    assert line.judged.unknown_share == pytest.approx(1 - known)
    # No ideal cycle was written down for this machine, and another machine's is not taken.
    assert line.judged.oee is None
    assert "No ideal cycle is written down" in shown(rows.sites(view, read_overview(view, WALL)))


def test_states_ages_and_completeness(running: Plant) -> None:
    running.plan(SHIFTS)
    overview = read_overview(running.view(), WALL)
    first, second = (by_path(overview)[path] for path in ("S1/A/L1", "S2/A/L2"))
    assert first.reference.running is Running.STOPPED
    assert rows.age_words(running.view(), WALL, first.reference) == "last told 60 s ago"
    assert rows.age_words(running.view(), WALL, second.reference) == "last told 61 min ago"
    assert (first.filled.share, second.filled.share) == (
        pytest.approx(1.0, abs=0.01),
        pytest.approx(0.5, abs=0.02),
    )
    assert (second.filled.received, second.filled.unheard, second.filled.signals) == (360 + 120, 3, 4)


def test_without_a_shift_plan_the_whole_local_day_counts_and_is_called_so(running: Plant) -> None:
    overview = read_overview(running.view(), WALL)
    assert overview.shared is not None
    assert not overview.shared.plan.written
    assert overview.shared.since == START - timedelta(hours=8)
    assert by_path(overview)["S1/A/L1"].judged.figures.availability.value == pytest.approx(0.75)
    assert by_path(overview)["S1/A/L1"].judged.unknown_share == pytest.approx(0.8, abs=0.001)
    words = rows.time_basis(running.view(), overview)
    assert "no shift plan is written down" in words
    assert "Asia/Shanghai (UTC+08:00)" in words


def test_between_shifts_no_figure_is_told(running: Plant) -> None:
    running.plan({**SHIFTS, "shifts": "20:00-04:00"})
    overview = read_overview(running.view(), WALL)
    assert overview.shared is not None
    assert overview.shared.shift is None
    assert all(line.judged is None for line in overview.lines)
    assert overview.shared.since == WALL - timedelta(hours=1)
    assert "No shift runs now" in shown(rows.sites(running.view(), overview))


def test_gaps_of_several_signals_are_one_stretch_within_the_window(running: Plant) -> None:
    ids = running.declare(running.specs("S1/A/L1"))
    minute = timedelta(minutes=1)
    spans = {"P": (-10, 5), "Total": (3, 15), "Rejects": (40, 50)}
    gaps = [
        (ids[f"S1/A/L1/M/C/{leaf}"], START + low * minute, START + high * minute, "disconnected")
        for leaf, (low, high) in spans.items()
    ]
    running.plan(SHIFTS)
    running.send(SampleKind.GAP, gaps)
    filled = by_path(read_overview(running.view(), WALL))["S1/A/L1"].filled
    assert (filled.gaps, filled.gap_time) == (2, 25 * minute)


def test_alarms_and_alerts_are_counted_by_line_and_priority(running: Plant) -> None:
    raise_alarms(running)
    foresee(running, "S2/A/L2")
    foresee(running, "S1/A/L1", target="past", closed_at=WALL)
    found = by_path(read_overview(running.view(), WALL))
    assert found["S1/A/L1"].alarms == {4: 1, 2: 2}
    # An open alert stands among the alarms, too, as on the page of alarms.
    assert found["S2/A/L2"].alarms == {1: 1, 3: 1}
    assert (found["S1/A/L1"].alerts, found["S2/A/L2"].alerts) == ({}, {3: 1})
    # The same question as the list of alarms answers, at either side of the shelf's end.
    scope = running.scope(Permission.READ)
    with running.context.of(scope).metadata.session() as session:
        for now in (WALL, WALL + timedelta(hours=2)):
            standing = list_alarms(session, scope, now)
            assert sum(n for _, _, n in count_standing(session, scope, now)) == len(standing)
        assert AlarmState.SHELVED not in {alarm.state for alarm in standing}


def test_lines_that_are_only_planned_are_there_and_retired_ones_are_not(running: Plant) -> None:
    scope = running.scope(Permission.CONFIGURE)
    with running.context.of(scope).metadata.session() as session:
        nodes = {node.path: node for node in list_assets(session, scope)}
        area = nodes["S1/A"].id
        create_asset(session, scope, AssetSpec(parent=area, code="L9", name_zh="新线", name_en="New"), WALL)
        gone = nodes["S2/A/L2"]
        change_asset(session, scope, gone.id, gone.version, AssetChange(retired=True), WALL)
    overview = read_overview(running.view(), WALL)
    assert set(by_path(overview)) == {"S1/A/L1", "S1/A/L9"}
    text = shown(rows.sites(running.view(), overview))
    assert "New" in text
    assert "No signals yet" in text


def test_who_may_see_one_line_sees_one_line_and_nothing_of_the_other(running: Plant) -> None:
    raise_alarms(running)
    foresee(running, "S2/A/L2")
    view = running.view(places=["S1/A/L1"])
    overview = read_overview(view, WALL)
    assert [site.path for site in overview.sites] == ["S1"]
    assert list(by_path(overview)) == ["S1/A/L1"]
    with view.context.metadata.session() as session:
        assert count_open(session, view.scope) == []
        assert {path for path, _, _ in count_standing(session, view.scope, WALL)} == {
            "S1/A/L1/M", "S1/A/L1/M/C",
        }  # fmt: skip
    text = shown([rows.strip(view, overview), rows.sites(view, overview)])
    assert "S2" not in text
    assert "L2" not in text


def test_the_number_of_statements_does_not_grow_with_the_lines(
    plant: Plant, asked: Callable[..., tuple[int, int]]
) -> None:
    def look() -> Overview:
        return read_overview(view, WALL)

    ids = plant.declare(plant.specs("S1/A/L1"))
    plant.run("S1/A/L1", ids, until=5)
    plant.plan(SHIFTS)
    view = plant.view()
    look()
    few = asked(look)
    lines = [f"S{n % 3}/A/X{n}" for n in range(40)]
    more = plant.declare([spec for line in lines for spec in plant.specs(line)])
    for line in lines:
        plant.run(line, more, until=5)
    assert len(look().lines) == 41
    assert asked(look) == few
    assert few[0] <= 12
    assert few[1] <= 12


@pytest.mark.parametrize(
    ("behind", "ago", "late"),
    [(timedelta(seconds=2), timedelta(seconds=1), False), (timedelta(hours=3), timedelta(seconds=1), True),
     (timedelta(hours=3), timedelta(hours=3), False)],
)  # fmt: skip
def test_the_clock_is_the_datas_own_only_while_it_comes_in_late(
    behind: timedelta, ago: timedelta, late: bool
) -> None:
    newest = WALL - behind
    assert clock_of(newest, WALL - ago, WALL) == (newest if late else WALL)
    assert clock_of(None, None, WALL) == WALL


@pytest.mark.parametrize(
    ("without", "says"), [("Total", "Nothing counts pieces."), ("Rejects", "Rejects are not counted.")]
)
def test_what_keeps_the_oee_from_being_known_is_named(plant: Plant, without: str, says: str) -> None:
    specs = [spec for spec in plant.specs("S1/A/L1") if not spec.path.endswith(without)]
    ids = plant.declare(specs)
    state = ids["S1/A/L1/M/C/State"]
    counted = ids.get("S1/A/L1/M/C/Total")
    minutes = [START + timedelta(minutes=n) for n in range(120)]
    plant.send(SampleKind.TEXT, [(state, ts, "Execute", 0) for ts in minutes])
    if counted is not None:
        plant.send(SampleKind.NUMERIC, [(counted, ts, float(n), 0) for n, ts in enumerate(minutes)])
    plant.plan(SHIFTS)
    view = plant.view()
    overview = read_overview(view, WALL)
    text = shown(rows.sites(view, overview))
    assert says in text
    assert by_path(overview)["S1/A/L1"].judged.oee is None
    # What is known is told all the same, and quality is not taken for perfect.
    assert by_path(overview)["S1/A/L1"].reference.running is Running.RUNNING
    assert text.count("100.0%") >= 1


def test_a_line_is_judged_by_the_machine_that_was_named_else_by_the_first(running: Plant) -> None:
    others = [s.model_copy(update={"path": s.path.replace("/M/", "/A/")}) for s in running.specs("S1/A/L1")]
    running.declare(others)
    first = by_path(read_overview(running.view(), WALL))["S1/A/L1"]
    assert first.reference.state.signal.path == "S1/A/L1/A/C/State"
    assert [machine.running for machine in first.machines] == [Running.UNKNOWN, Running.STOPPED]
    assert first.judged.oee is None
    running.plan(SHIFTS)
    named = by_path(read_overview(running.view(), WALL))["S1/A/L1"]
    assert named.reference.state.signal.path == "S1/A/L1/M/C/State"
    assert named.judged.oee == pytest.approx(54 * 81 / 7200)
    text = shown(rows.sites(running.view(), read_overview(running.view(), WALL)))
    assert "0 of 2 machines running" in text
