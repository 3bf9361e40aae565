"""A machine's page: what is known of it, what is not, and what was done on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_dashboards.explorer.reading import look_at
from tundish_dashboards.i18n import Language
from tundish_dashboards.machine import rows
from tundish_dashboards.machine.data import list_machines, ranked, read_machine
from tundish_dashboards.machine.records import parts_of
from tundish_dashboards.machine.trend import charted, history_figure
from tundish_dashboards.plant.data import LastHour
from tundish_platform.alarms import take_reports
from tundish_platform.alarms.maintenance import WindowSpec, plan_maintenance
from tundish_platform.maintenance import MaintenanceKind, RecordSpec, note_record
from tundish_platform.samples import AlarmReport, SampleKind, SignalRole, SignalSpec
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from conftest import Plant

WALL = datetime(2026, 5, 12, 2, tzinfo=UTC)
START = WALL - timedelta(hours=2)
MACHINE = "S1/A/L1/M"
HOUR = LastHour(None, {})


def shown(part: object) -> str:
    return json.dumps(part, default=lambda one: one.to_plotly_json(), ensure_ascii=False)


def predict(plant: Plant, target: str, weights: dict[str, float], **more: Any) -> None:  # noqa: ANN401 - JSON
    """What a model writes: a value, and the evidence with its weights by signal."""
    base = f"S1/A/L1/Models/m/{target}"
    said = {"name_zh": "预测", "name_en": "prediction", "role": SignalRole.PREDICTION}
    ids = plant.declare([
        SignalSpec(path=f"{base}/Value", semantic=f"prediction.m.{target}", **said),
        SignalSpec(path=f"{base}/Evidence", semantic=f"prediction.m.{target}.evidence",
                   kind=SampleKind.TEXT, **said),
    ])  # fmt: skip
    items = [
        {"signal": path, "name_zh": path, "name_en": path, "value": 5.0, "expected": 4.0, "unit": "bar",
         "contribution": weight}
        for path, weight in weights.items()
    ]  # fmt: skip
    evidence = {"model": "m", "target": target, "label_zh": "标签", "label_en": f"Label {target}",
                "evidence": items, **more}  # fmt: skip
    value = more.get("value")
    plant.send(SampleKind.NUMERIC, [(ids[f"{base}/Value"], WALL, value, 0)])
    plant.send(SampleKind.TEXT, [(ids[f"{base}/Evidence"], WALL, json.dumps(evidence), 0)])


def record(plant: Plant, path: str, text: str, *, hours: float = -1, done_by: str = "李工") -> None:
    scope = plant.scope(Permission.HANDLE)
    begun = WALL + timedelta(hours=hours)
    spec = RecordSpec(
        path=path, kind=MaintenanceKind.REPLACEMENT, started_at=begun, text=text, done_by=done_by,
        ended_at=begun + timedelta(minutes=30),
    )  # fmt: skip
    with plant.context.of(scope).metadata.session() as session:
        note_record(session, scope, spec, WALL)


def test_what_nobody_tells_is_said_to_be_unknown(running: Plant) -> None:
    view = running.view()
    machine = read_machine(view, MACHINE)
    assert machine is not None
    assert (machine.path, len(machine.states), machine.predictions) == (MACHINE, 4, ())
    assert "No model tells a remaining life" in shown(rows.life(view, machine))
    assert "No model rests on this machine" in shown(rows.evidence(view, machine))
    assert "That does not mean that none was done." in shown(rows.history(view, machine))
    # The data is months old by the wall clock: the last word is told as such, not as what it does now.
    figures = shown(rows.figures(view, machine, HOUR))
    assert "Unknown" in figures
    assert "last said: Aborted" in figures


def test_remaining_life_comes_with_its_interval_and_evidence_by_weight(running: Plant) -> None:
    weights = {f"{MACHINE}/C/Rejects": 0.2, f"{MACHINE}/C/P": 0.7, "S1/A/L1/N/C/Q": 0.5}
    predict(running, "remaining_life", weights, value=900.0, low=300.0, high=2000.0, unit="h")
    predict(running, "pump", {f"{MACHINE}/C/P": 0.4}, value=1.0, probability=0.9)
    view = running.view()
    machine = read_machine(view, MACHINE)
    assert machine is not None
    life = shown(rows.life(view, machine))
    assert "900 h" in life
    assert "300" in life
    assert "2,000" in life
    told = [(one.target, item.contribution) for one, item in ranked(machine.predictions)]
    assert told == [("remaining_life", 0.7), ("remaining_life", 0.5), ("pump", 0.4), ("remaining_life", 0.2)]
    evidence = rows.evidence(view, machine)
    ids = {state.signal.path: state.signal.id for state in machine.states}
    assert f"signals={ids[f'{MACHINE}/C/P']},{ids[f'{MACHINE}/C/Rejects']}" in shown(evidence)


def test_a_prediction_belongs_to_the_machine_whose_signals_it_rests_on(running: Plant) -> None:
    running.declare([s.model_copy(update={"path": s.path.replace("/M/", "/N/")})
                     for s in running.specs("S1/A/L1")])  # fmt: skip
    predict(running, "pump", {f"{MACHINE}/C/P": 0.4}, value=1.0)
    view = running.view()
    assert [one.path for one in list_machines(view)] == [MACHINE, "S1/A/L1/N", "S2/A/L2/M"]
    found = {path: read_machine(view, path) for path in (MACHINE, "S1/A/L1/N", "S2/A/L2/M")}
    assert {path: len(one.predictions) for path, one in found.items() if one} == {
        MACHINE: 1, "S1/A/L1/N": 0, "S2/A/L2/M": 0,
    }  # fmt: skip


def test_what_was_done_shows_in_the_history_and_on_charts(running: Plant) -> None:
    record(running, f"{MACHINE}/C", "密封圈")
    record(running, MACHINE, "earlier", hours=-3)
    record(running, "S2/A/L2/M", "other")
    view = running.view(language=Language.ZH)
    machine = read_machine(view, MACHINE)
    assert machine is not None
    assert [one.text for one in machine.records] == ["密封圈", "earlier"]
    history = shown(rows.history(view, machine))
    assert all(words in history for words in ("更换", "密封圈", "李工", "2026-05-12 09:00"))
    signals = [state.signal.id for state in machine.states]
    window = {"from": "2026-05-12 08:30", "to": "2026-05-12 10:00"}
    look = look_at(view, signals, window, 100, "none")
    assert [one.text for one in look.work] == ["密封圈"]


def test_the_chart_begins_with_what_models_said(running: Plant) -> None:
    predict(running, "pump", {f"{MACHINE}/C/P": 0.4}, value=1.0)
    view = running.view()
    machine = read_machine(view, MACHINE)
    assert machine is not None
    assert [signal.path.rpartition("/")[2] for signal in charted(machine)] == ["Value", "State", "P"]
    figure = history_figure(view, machine, "1y", 900)
    assert figure is not None
    titles = json.dumps(figure["layout"]["annotations"])
    assert "prediction" in titles
    marked = len(figure["layout"]["shapes"])
    record(running, MACHINE, "seal")
    again = history_figure(view, machine, "1y", 900)
    assert again is not None
    assert len(again["layout"]["shapes"]) == marked + 1
    assert "Replacement: seal" in json.dumps(again["layout"]["shapes"])


def test_who_may_see_one_line_finds_no_other_machine(running: Plant) -> None:
    record(running, "S2/A/L2/M", "other")
    view = running.view(places=["S1/A/L1"])
    assert [one.path for one in list_machines(view)] == [MACHINE]
    machine = read_machine(view, "S2/A/L2/M")
    assert machine is not None
    assert machine.path == MACHINE
    assert machine.records == ()
    other = read_machine(running.view(places=["S2/A/L2"]), "")
    assert other is not None
    assert [one.text for one in other.records] == ["other"]


def test_alarms_are_those_at_the_machine_and_its_parts_the_gravest_first(running: Plant) -> None:
    places = [(MACHINE, 2), (f"{MACHINE}/C", 4), ("S1/A/L1", 3), ("S2/A/L2/M", 4)]
    reports = [
        AlarmReport(key=path, active=True, ts=START, priority=level, path=path, name_zh="警", name_en=path)
        for path, level in places
    ]
    scope = running.scope(Permission.INGEST)
    with running.context.of(scope).metadata.session() as session:
        take_reports(session, scope, "s", reports, START)
    machine = read_machine(running.view(), MACHINE)
    assert machine is not None
    assert [alarm.path for alarm in machine.alarms] == [f"{MACHINE}/C", MACHINE]


def test_planned_windows_are_those_that_cover_the_machine_or_a_part_of_it(running: Plant) -> None:
    scope = running.scope(Permission.CONFIGURE)
    with running.context.of(scope).metadata.session() as session:
        for path in ("S1", f"{MACHINE}/C", "S1/A/L1/N", "S2/A/L2/M"):
            window = WindowSpec(path=path, starts_at=WALL, ends_at=WALL + timedelta(hours=1), reason=path)
            plan_maintenance(session, scope, window, WALL)
    for view in (running.view(), running.view(places=["S1/A/L1"])):
        machine = read_machine(view, MACHINE)
        assert machine is not None
        assert [window.reason for window in machine.windows] == [f"{MACHINE}/C", "S1"]


@pytest.mark.parametrize(
    ("paths", "parts"),
    [([], ["L/1/2/M"]), (["L/1/2/M/C/D/V", "L/1/2/M/B/V", "L/1/2/N/C/V"],
                         ["L/1/2/M", "L/1/2/M/B", "L/1/2/M/C", "L/1/2/M/C/D"])],
)  # fmt: skip
def test_parts_of_a_machine_are_those_its_signals_hang_on(paths: list[str], parts: list[str]) -> None:
    assert parts_of("L/1/2/M", paths) == parts
