"""Trials of two tenants that look alike: what each may see, ask for and say, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from sqlalchemy import select, update

from tundish_platform import trials
from tundish_platform.alarms import RuleSpec, create_rule, take_reports
from tundish_platform.alarms.maintenance import WindowSpec, plan_maintenance
from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.alerts import FeedbackSpec, give_feedback, take_alert
from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.jobs import Hold, JobKind, LeaseLost, cancel_job, claim_job, list_jobs, report_done
from tundish_platform.jobs.models import JobTurn
from tundish_platform.marketplace import MissingInputs
from tundish_platform.samples import AlarmReport, AlertReport, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk import Manifest
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.trials import truth, trying
from tundish_platform.trials.judging import Known, Source, Stretch, Trouble
from tundish_platform.trials.models import Trial
from tundish_platform.trials.report import report_of
from tundish_platform.trials.telling import document_of
from tundish_platform.trials.truth import Reach, known_of, state_signals, stops_in
from tundish_platform.trials.words import Words

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.trials import TrialReport, TrialView

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
STRETCH = (NOW - 24 * HOUR, NOW)
LINE, MACHINE = "S/A/L1", "S/A/L1/M1"
SPECS = [
    SignalSpec(path=f"{MACHINE}/C/P", name_zh="压力", name_en="P", semantic="pressure.hydraulic"),
    SignalSpec(
        path=f"{MACHINE}/C/State", name_zh="状态", name_en="State", semantic="state.packml",
        kind=SampleKind.TEXT, role=SignalRole.STATE,
    ),
    SignalSpec(path="S/A/L1/M2/C/T", name_zh="温度", name_en="T", semantic="temperature.oil"),
]  # fmt: skip
NAMES = {"name_zh": "高", "name_en": "H"}
TEXT = {"zh": "应用", "en": "app"}


def manifest(app: str = "watch", **more: object) -> Manifest:
    return Manifest.model_validate(
        {
            "id": app, "version": "1.0.0", "entry": "tundish_app_x:run", "publisher": "t", "name": TEXT,
            "problems": ["quality"], "schedule_s": 3600, "window_s": 3600, "description": TEXT,
            "data_use": TEXT, "outputs": [{"key": "x", "name": TEXT, "flags": "above:0"}],
            "inputs": [{"key": "p", "name": TEXT, "semantic": "pressure.*"}],
        }
        | more
    )  # fmt: skip


@dataclass
class Two:
    metadata: Metadata

    def scope(self, tenant: str, permission: Permission = Permission.SUBSCRIBE) -> TenantScope:
        wanted = {Permission.ANALYSE: Role.ANALYST, Permission.INGEST: Role.ANALYST}
        role = wanted.get(permission, Role.OWNER)
        return access_tenant(job_principal(self._session, "test", role), tenant, permission)

    def start(
        self, tenant: str, app: str = "watch", stretch: tuple[datetime, datetime] | None = STRETCH
    ) -> TrialView:
        scope = self.scope(tenant)
        signals = list_signals(self._session, scope)
        return trials.start_trial(self._session, scope, manifest(app), signals, stretch, {}, NOW)

    def claim(self, tenant: str) -> Hold:
        scope = self.scope(tenant, Permission.ANALYSE)
        job = claim_job(
            self._session, {scope.tenant_id: tenant}, [JobKind.TRIAL], "w", HOUR, datetime.now(UTC)
        )
        assert job is not None
        return Hold(job.id, job.lease)

    @property
    def _session(self) -> Session:
        return self.session

    session: Session = None  # type: ignore[assignment] # set by the fixture


@pytest.fixture
def two(metadata: Metadata) -> Any:  # noqa: ANN401 - a generator of Two
    with metadata.session() as session:
        for slug in ("left", "right"):
            create_tenant(session, slug, slug, slug)
        found = Two(metadata, session)
        for slug in ("left", "right"):
            upsert_signals(session, found.scope(slug, Permission.INGEST), "opc", SPECS)
        yield found


def a_report() -> TrialReport:
    result = trials.TrialResult(
        step_s=3600, windows=(trials.WindowDone(at=NOW, ended=trials.Ended.OK, seconds=1.0, rows=5),)
    )
    return report_of(manifest(), STRETCH, result, Known(), 1, ["2026-03-01"])


def test_each_tenant_has_its_own_trials(two: Two) -> None:
    left, right = two.start("left"), two.start("right")
    assert left.id != right.id
    for slug, mine, other in (("left", left, right), ("right", right, left)):
        scope = two.scope(slug, Permission.READ)
        assert [one.id for one in trials.list_trials(two.session, scope)] == [mine.id]
        with pytest.raises(trials.UnknownTrial):
            trials.find_trial(two.session, scope, other.id)
        with pytest.raises(trials.UnknownTrial):
            trials.cancel_trial(two.session, two.scope(slug), other.id, NOW)
        worker = two.scope(slug, Permission.ANALYSE)
        with pytest.raises(trials.UnknownTrial):
            trials.keep_report(two.session, worker, other.id, "x" * 20, a_report(), NOW)


def test_a_trial_that_waits_is_given_back_and_so_many_wait_at_most(two: Two) -> None:
    first = two.start("left", "a-0")
    assert two.start("left", "a-0").id == first.id
    for number in range(1, trials.MAX_OPEN):
        two.start("left", f"a-{number}")
    with pytest.raises(trials.TooManyTrials):
        two.start("left", "another")
    two.start("right", "another")  # the neighbour's trials are not in its way
    trials.cancel_trial(two.session, two.scope("left"), first.id, NOW)
    assert two.start("left", "a-0").id != first.id


def test_the_oldest_trials_of_a_tenant_are_forgotten_and_no_others(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "MAX_KEPT", 2)
    neighbour = two.start("right")
    made = [two.start("left", f"a-{number}").id for number in range(2)]
    scope = two.scope("left", Permission.READ)
    assert [one.id for one in trials.list_trials(two.session, scope)] == made[::-1]
    made.append(two.start("left", "a-2").id)
    assert [one.id for one in trials.list_trials(two.session, scope)] == made[:0:-1]
    assert [one.id for one in trials.list_trials(two.session, two.scope("right"))] == [neighbour.id]


def test_a_trial_needs_inputs_history_and_the_right_to_subscribe(two: Two) -> None:
    scope, signals = two.scope("left"), list_signals(two.session, two.scope("left"))
    wanting = manifest(inputs=[{"key": "q", "name": TEXT, "semantic": "flow.*"}])
    with pytest.raises(MissingInputs):
        trials.start_trial(two.session, scope, wanting, signals, STRETCH, {}, NOW)
    with pytest.raises(trials.NoHistory):
        two.start("left", stretch=None)
    with pytest.raises(AccessDenied):
        trials.start_trial(
            two.session, two.scope("left", Permission.ANALYSE), manifest(), signals, STRETCH, {}, NOW
        )
    assert trials.list_trials(two.session, scope) == []


def test_only_a_running_trial_may_be_read_and_only_by_its_signals(two: Two) -> None:
    trial, worker = two.start("left"), two.scope("left", Permission.ANALYSE)
    with pytest.raises(trials.TrialOver):
        trials.running_trial(two.session, worker, trial.id)
    assert trials.apps_on_trial(two.session, worker) == {}
    hold = two.claim("left")
    running = trials.running_trial(two.session, worker, trial.id)
    narrowed = trials.trial_scope(worker, running)
    (pressure,) = [s.id for s in list_signals(two.session, worker) if s.path == SPECS[0].path]
    assert (narrowed.signals, narrowed.permissions) == (frozenset({pressure}), frozenset({Permission.READ}))
    assert trials.apps_on_trial(two.session, worker) == {"watch": "1.0.0"}
    assert trials.apps_on_trial(two.session, two.scope("right", Permission.ANALYSE)) == {}
    with pytest.raises(LeaseLost):
        trials.keep_report(two.session, worker, trial.id, "another worker's lease", a_report(), NOW)
    done = trials.keep_report(two.session, worker, trial.id, hold.lease, a_report(), datetime.now(UTC))
    report_done(two.session, worker, hold, {}, datetime.now(UTC))
    assert (done.state, done.report) == ("done", a_report())
    with pytest.raises(trials.TrialOver):
        trials.running_trial(two.session, worker, trial.id)
    (listed,) = trials.list_trials(two.session, worker)
    assert (listed.state, listed.report) == ("done", None)


def test_a_job_of_a_trial_is_cancelled_by_who_may_subscribe(two: Two) -> None:
    trial = two.start("left")
    (job,) = list_jobs(two.session, two.scope("left", Permission.READ))
    engineer = access_tenant(job_principal(two.session, "e", Role.ENGINEER), "left", Permission.CONFIGURE)
    with pytest.raises(AccessDenied):
        cancel_job(two.session, engineer, job.id, NOW)
    assert trials.cancel_trial(two.session, two.scope("left"), trial.id, NOW).state == "cancelled"


def test_who_is_limited_to_a_line_sees_no_trials(two: Two) -> None:
    trial = two.start("left")
    tenant_id = two.scope("left").tenant_id
    person = Principal(
        1,
        "p",
        {"left": (tenant_id, frozenset())},
        placed={"left": frozenset({(Role.VIEWER, LINE)})},
        person=True,
    )
    limited = access_tenant(person, "left", Permission.READ)
    assert trials.list_trials(two.session, limited) == []
    with pytest.raises(trials.UnknownTrial):
        trials.find_trial(two.session, limited, trial.id)


def hours(one: Trouble) -> tuple[float, float]:
    return (one.start - STRETCH[0]) / HOUR, (one.end - STRETCH[0]) / HOUR


def alarm(two: Two, tenant: str, key: str, start: float, end: float | None, **more: object) -> None:
    said = {"key": key, "path": f"{MACHINE}/C/P", "priority": 3, "name_zh": key, "name_en": key} | more
    for active, hour in ((True, start), (False, end)):
        if hour is not None:
            ts = STRETCH[0] + hour * HOUR
            report = AlarmReport.model_validate(said | {"ts": ts, "active": active})
            take_reports(two.session, two.scope(tenant, Permission.INGEST), "opc", [report], ts)


def alert(two: Two, tenant: str, target: str, hour: float, verdict: str) -> None:
    opened = STRETCH[0] + hour * HOUR
    report = AlertReport.model_validate(
        {
            "model": "m", "version": "1", "line": LINE, "target": target, "target_zh": "泵",
            "target_en": "Pump", "since": opened, "opened_at": opened, "closed_at": opened + HOUR,
            "judged_to": opened + HOUR, "priority": 4, "label_zh": "漏", "label_en": target,
            "confidence": 0.9, "sureness": "interval", "check_zh": "", "check_en": "", "completeness": 1.0,
            "window_start": opened - HOUR, "window_end": opened,
        }
    )  # fmt: skip
    number = take_alert(two.session, two.scope(tenant, Permission.INGEST), report, opened).id
    spec = FeedbackSpec.model_validate({"verdict": verdict})
    give_feedback(two.session, two.scope(tenant, Permission.HANDLE), number, spec, NOW)


def known(two: Two, tenant: str) -> Known:
    scope = two.scope(tenant, Permission.ANALYSE)
    reach = Reach.of(s for s in list_signals(two.session, scope) if s.semantic.startswith("pressure"))
    return known_of(two.session, scope, reach, Stretch(*STRETCH), (), None)


def test_alarms_of_the_machines_are_trouble_and_others_are_not(two: Two) -> None:
    alarm(two, "left", "burst", 3, 4)
    alarm(two, "left", "standing", 20, None)
    alarm(two, "left", "of the line", 5, 6, path=LINE)
    alarm(two, "left", "note", 5, 6, priority=1)
    alarm(two, "left", "elsewhere", 5, 6, path="S/A/L1/M2/C/T")
    alarm(two, "left", "long ago", -30, -29)
    alarm(two, "right", "the neighbour's", 1, 2)
    found = known(two, "left")
    told = {
        one.en: ((one.start - STRETCH[0]) / HOUR, (one.end - STRETCH[0]) / HOUR) for one in found.troubles
    }
    assert told == {"burst": (3, 4), "standing": (20, 24), "of the line": (5, 6)}
    assert found.watched_since == STRETCH[0] - 30 * HOUR
    assert known(two, "right").watched_since == STRETCH[0] + HOUR


def test_alerts_count_by_what_people_said_of_them_last(two: Two) -> None:
    alert(two, "left", "real", 3, "confirmed")
    alert(two, "left", "wrong", 6, "false")
    alert(two, "left", "perhaps", 9, "unclear")
    alert(two, "right", "neighbour", 12, "false")
    found = known(two, "left")
    assert [(one.source, one.en) for one in found.troubles] == [(Source.ALERT, "Pump: real")]
    assert [(one.start - STRETCH[0]) / HOUR for one in found.refuted] == [6]
    # The alarms that grave alerts raise are the models' word, too, and no second witness.
    assert found.watched_since is None
    assert found.counts == {"alert": 1, "refuted": 1, "planned": 0}


def test_a_neighbours_alerts_take_no_room_from_ours(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "_MOST_ALERTS", 1)
    alert(two, "left", "real", 3, "confirmed")
    alert(two, "right", "neighbour", 12, "confirmed")
    assert [one.en for one in known(two, "left").troubles] == ["Pump: real"]


def test_nothing_counts_while_maintenance_was_planned(two: Two) -> None:
    for slug, path, hour in (("left", LINE, 3.0), ("left", "S/A/L1/M2", 8.0), ("right", LINE, 8.0)):
        starts = STRETCH[0] + hour * HOUR
        spec = WindowSpec(path=path, starts_at=starts, ends_at=starts + HOUR, reason="r")
        plan_maintenance(two.session, two.scope(slug, Permission.CONFIGURE), spec, starts - HOUR)
    alarm(two, "left", "while worked on", 3.5, 4)
    alarm(two, "left", "while others worked", 8.5, 9)
    found = known(two, "left")
    assert [one.en for one in found.troubles] == ["while others worked"]
    assert [(one.start - STRETCH[0]) / HOUR for one in found.planned] == [3]


def test_a_rule_on_a_signal_of_the_machine_watches_it(two: Two) -> None:
    numbers = {s.path: s.id for s in list_signals(two.session, two.scope("left", Permission.READ))}
    others = {s.path: s.id for s in list_signals(two.session, two.scope("right", Permission.READ))}

    def rule(tenant: str, signal: int, at: datetime) -> None:
        said = {
            "signal": signal,
            "kind": "high",
            "threshold": 1.0,
            "priority": 3,
            "name_zh": "高",
            "name_en": "H",
        }
        create_rule(two.session, two.scope(tenant, Permission.CONFIGURE), RuleSpec.model_validate(said), at)

    rule("right", others[SPECS[0].path], NOW - 9 * HOUR)
    rule("left", numbers["S/A/L1/M2/C/T"], NOW - 7 * HOUR)
    assert known(two, "left").watched_since is None
    rule("left", numbers[SPECS[0].path], NOW - 5 * HOUR)
    assert known(two, "left").watched_since == NOW - 5 * HOUR


def test_states_into_which_a_machine_falls_by_itself_are_stops(two: Two) -> None:
    scope = two.scope("left", Permission.READ)
    everything = list_signals(two.session, scope)
    reach = Reach.of(s for s in everything if s.semantic.startswith("pressure"))
    (state,) = state_signals(everything, reach)
    words = ["Execute", "Aborting", "Aborted", "Clearing", "Held", "Aborted"]
    times = [STRETCH[0] + n * HOUR for n in range(len(words))]
    table = pa.table({"signal": [state.id] * len(words), "ts": times, "value": words})
    stops = stops_in(table, [state], NOW)
    assert [((one.start - STRETCH[0]) / HOUR, (one.end - STRETCH[0]) / HOUR) for one in stops] == [
        (1, 3),
        (5, 24),
    ]


def test_a_rule_on_a_signal_with_the_number_of_a_neighbours_watches_nothing(two: Two) -> None:
    for slug, path in (("left", "S/A/L1/M9/C/Q"), ("right", f"{MACHINE}/C/Q")):
        spec = SPECS[2].model_copy(update={"path": path})
        upsert_signals(two.session, two.scope(slug, Permission.INGEST), "opc", [spec])
    everything = list_signals(two.session, two.scope("left", Permission.READ))
    (number,) = [one.id for one in everything if one.path == "S/A/L1/M9/C/Q"]
    said = {"signal": number, "kind": "high", "threshold": 1.0, "name_zh": "高", "name_en": "H"}
    spec = RuleSpec.model_validate(said | {"priority": 3})
    create_rule(two.session, two.scope("left", Permission.CONFIGURE), spec, NOW - HOUR)
    assert known(two, "left").watched_since is None


def test_rows_of_a_neighbour_that_name_ours_tell_nothing(two: Two) -> None:
    """Numbers of alarms and jobs are unique over all tenants, and yet none is taken on trust."""
    alarm(two, "left", "burst", 3, 4)
    alarm(two, "right", "the neighbour's", 1, 2)
    before = known(two, "left")
    scopes = {slug: two.scope(slug, Permission.READ) for slug in ("left", "right")}
    ours = select(Alarm.id).where(Alarm.tenant_id == scopes["left"].tenant_id).scalar_subquery()
    theirs = AlarmEvent.tenant_id == scopes["right"].tenant_id
    two.session.execute(update(AlarmEvent).where(theirs).values(alarm_id=ours))
    assert known(two, "left") == before
    found = known(two, "right")
    assert (found.troubles, found.watched_since) == ((), None)
    numbers = {slug: two.start(slug).id for slug in scopes}
    job = select(Trial.job_id).where(Trial.id == numbers["right"]).scalar_subquery()
    two.session.execute(update(Trial).where(Trial.id == numbers["left"]).values(job_id=job))
    two.session.expire_all()
    (listed,) = trials.list_trials(two.session, scopes["left"])
    assert listed.state == trials.find_trial(two.session, scopes["left"], numbers["left"]).state == "failed"


def test_a_trial_of_a_neighbour_that_names_our_job_neither_waits_nor_runs_here(two: Two) -> None:
    left, own = two.scope("left", Permission.ANALYSE), two.start("left", "a")
    assert set(two.session.scalars(select(JobTurn.tenant_id))) == {left.tenant_id}
    other = two.start("right", "b")
    job = select(Trial.job_id).where(Trial.id == own.id).scalar_subquery()
    two.session.execute(update(Trial).where(Trial.id == other.id).values(job_id=job))
    assert two.start("left", "b").id not in {own.id, other.id}
    two.claim("left")
    assert trials.apps_on_trial(two.session, left) == {"a": "1.0.0"}


def test_a_report_as_a_document_names_its_plant() -> None:
    words = Words("en", ZoneInfo("UTC"))
    told = document_of(a_report(), words, "Left Works", NOW)
    assert "Left Works" in told.subtitle
    assert "Left Works" in told.source
