"""Which shift the overview judges a line by: the stored plans, the app's settings where there are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_dashboards.i18n import Language
from tundish_dashboards.overview import rows
from tundish_dashboards.overview.data import LineRow, Overview, read_overview
from tundish_platform.handover import planned_at, planned_for
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Plant

# Ten o'clock of a Tuesday in Shanghai.
WALL = datetime(2026, 5, 12, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
APP = {"shifts": "08:00-20:00 20:00-08:00", "ideal_cycle_s": 54.0, "machine": "S1/A/L1/M"}
STATE = "S1/A/L1/M/C/State"


def line_of(overview: Overview, path: str) -> LineRow:
    return next(line for line in overview.lines if line.path == path)


def figures(overview: Overview, path: str = "S1/A/L1") -> Any:  # noqa: ANN401 - of many kinds
    judged = line_of(overview, path).judged
    assert judged is not None
    return judged.figures


def shown(part: object) -> str:
    return json.dumps(part, default=lambda one: one.to_plotly_json(), ensure_ascii=False)


def test_a_stored_plan_wins_over_the_app_which_still_tells_the_ideal_cycle(running: Plant) -> None:
    running.plan(APP)
    # Three o'clock in Berlin is nine in Shanghai.
    running.shifts("S1", "03:00", "11:00", zone="Europe/Berlin")
    overview = read_overview(running.view(), WALL)
    line = line_of(overview, "S1/A/L1")
    assert line.stretch.since == WALL - HOUR
    assert line.stretch.plan.written
    found = figures(overview)
    assert found.availability.value == pytest.approx(30 / 60)
    # The piece that was finished the moment the shift began is counted, too.
    assert found.performance.value == pytest.approx(54 * 31 / 1800)
    assert line.judged is not None
    assert line.judged.oee == pytest.approx(54 * 27 / 3600)


def test_a_lines_own_plan_wins_over_its_sites_and_tells_how_it_is_judged(running: Plant) -> None:
    others = [s.model_copy(update={"path": s.path.replace("/M/", "/A/")}) for s in running.specs("S1/A/L1")]
    running.declare(others)
    running.plan(APP)
    running.shifts("S1", "06:00", "14:00")
    running.shifts(
        "S1/A/L1", "09:00", "17:00", state=STATE, total="S1/A/L1/M/C/Rejects", rejects="S1/A/L1/A/C/Rejects",
        ideal_s=27.0,
    )  # fmt: skip
    overview = read_overview(running.view(), WALL)
    line = line_of(overview, "S1/A/L1")
    assert line.reference is not None
    assert line.reference.state.signal.path == STATE
    assert line.stretch.since == WALL - HOUR
    found = figures(overview)
    assert found.performance.value == pytest.approx(27 * 4 / 1800)
    # Of the other machine's rejects none came.
    assert found.quality.value == pytest.approx(1.0)


def test_a_plan_without_shifts_keeps_those_above_and_is_judged_as_the_handover_does(running: Plant) -> None:
    others = [s.model_copy(update={"path": s.path.replace("/M/", "/A/")}) for s in running.specs("S1/A/L1")]
    running.declare(others)
    running.plan(APP)
    running.shifts("S1", "09:00", "17:00")
    running.shifts("S1/A/L1", "", "", shifts=[])
    line = line_of(read_overview(running.view(), WALL), "S1/A/L1")
    assert line.stretch.since == WALL - HOUR
    # The first by path, whatever the app's settings name; and no ideal cycle was written down.
    assert line.reference is not None
    assert line.reference.state.signal.path == "S1/A/L1/A/C/State"
    assert line.stretch.plan.ideal_of(line.reference.state.signal) is None


def test_lines_in_different_shifts_have_windows_of_their_own_and_each_names_its_shift(running: Plant) -> None:
    ids = running.declare([*running.specs("S1/A/L1"), *running.specs("S2/A/L2")])
    running.plan(APP)
    running.shifts("S1", "09:00", "17:00")
    gap = (WALL - HOUR * 1.5, WALL - HOUR * 1.25, "disconnected")
    running.send(SampleKind.GAP, [(ids[f"{line}/M/C/P"], *gap) for line in ("S1/A/L1", "S2/A/L2")])
    view = running.view()
    overview = read_overview(view, WALL)
    first, second = (line_of(overview, path) for path in ("S1/A/L1", "S2/A/L2"))
    assert (first.stretch.since, second.stretch.since) == (WALL - HOUR, WALL - 2 * HOUR)
    assert (first.filled.gaps, second.filled.gaps) == (0, 1)
    assert (first.filled.expected, second.filled.expected) == (360 + 3 * 60, 720 + 3 * 120)
    known = (59 + 50 / 60) / 120
    assert figures(overview, "S2/A/L2").availability.low == pytest.approx(known, abs=0.03)
    assert overview.shared is None
    assert "each names its own" in rows.time_basis(view, overview)
    text = shown(rows.sites(view, overview))
    assert "shift Early, 2026-05-12 09:00 to 17:00" in text
    assert "shift 08:00, 2026-05-12 08:00 to 20:00" in text
    assert "班次 早班" in shown(rows.sites(running.view(language=Language.ZH), overview))


def test_one_shift_for_all_is_named_in_the_head_and_nowhere_else(running: Plant) -> None:
    running.shifts("S1", "09:00", "17:00")
    running.shifts("S2/A", "09:00", "17:00")
    view = running.view()
    overview = read_overview(view, WALL)
    assert "shift Early" in rows.time_basis(view, overview)
    assert "shift Early" not in shown(rows.sites(view, overview))


def test_who_may_see_one_line_has_the_shift_of_its_site_and_of_nothing_else(running: Plant) -> None:
    running.shifts("S1", "09:00", "17:00")
    running.shifts("S2", "06:00", "14:00")
    view = running.view(places=["S1/A/L1"])
    overview = read_overview(view, WALL)
    assert overview.shared is not None
    assert overview.shared.since == WALL - HOUR
    assert "shift Early, 2026-05-12 09:00" in rows.time_basis(view, overview)
    with view.context.metadata.session() as session:
        found = planned_for(session, view.scope, ["S1", "S1/A/L1", "S2/A/L2"])
        assert found == {"S1/A/L1": planned_at(session, view.scope, "S1/A/L1")}


def test_statements_grow_with_the_shifts_and_not_with_the_lines_in_them(
    plant: Plant, asked: Callable[..., tuple[int, int]]
) -> None:
    def look() -> Overview:
        return read_overview(view, WALL)

    lines = [f"S{site}/A/L{n}" for site in (1, 2) for n in range(12)]
    ids = plant.declare([spec for line in lines[::12] for spec in plant.specs(line)])
    for line in lines[::12]:
        plant.run(line, ids, until=5)
    plant.plan(APP)
    view = plant.view()
    look()
    one = asked(look)
    plant.shifts("S1", "07:00", "15:00")
    two = asked(look)
    assert {line.stretch.since for line in look().lines} == {WALL - 3 * HOUR, WALL - 2 * HOUR}
    assert two[0] <= one[0] + 2
    assert two[1] <= one[1] + 6
    more = plant.declare([spec for line in lines for spec in plant.specs(line)])
    for line in lines:
        plant.run(line, more, until=5)
    assert len(look().lines) == len(lines)
    assert asked(look) == two
