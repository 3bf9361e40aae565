"""Facts follow from data that arrived live, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.programme import Activity, AppUse, Enterprise, apply, gather, published_rules, span
from tundish_platform.programme.facts import MINUTES
from tundish_platform.samples import SignalInfo, SignalRole

NOW = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
DEMO, OFFICIAL = published_rules()["demo-2026.1"], published_rules()["2026.1"]
ENTERPRISE = Enterprise(
    uscc="91999900TD0000017U",
    name_zh="甲",
    name_en="A",
    industry="C3444",
    region="431302",
    demo=True,
    hours_week=168.0,
)
RANKS = ["", "registered", "on_cloud", "on_platform"]


def signal(
    number: int, path: str, source: str = "opcua-1", role: SignalRole = SignalRole.MEASUREMENT
) -> SignalInfo:
    return SignalInfo(
        id=number,
        path=path,
        source=source,
        role=role,
        name_zh="压",
        name_en="p",
        semantic="pressure.x",
        period_s=1,
    )


def minutes(*rows: tuple[int, int]) -> pa.Table:
    """``(signal, minutes before now)``."""
    columns = [[s for s, _ in rows], [NOW.replace(second=0) - timedelta(minutes=back) for _, back in rows]]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, MINUTES, strict=True)], schema=MINUTES)


def live(back: range = range(1, 60), **changes: object) -> Activity:
    """Two machines of one line sending every minute, an app running every minute."""
    signals = (signal(1, "S/A/L/M1/C/P"), signal(2, "S/A/L/M2/C/P"))
    uses = tuple(AppUse(NOW - timedelta(minutes=b), frozenset({1})) for b in back)
    activity = Activity(
        signals=signals, connectors=frozenset({"opcua-1"}), subscriptions=1, uses=uses,
        minutes=minutes(*((s, b) for s in (1, 2) for b in back)),
    )  # fmt: skip
    return replace(activity, **changes)


def stage(activity: Activity, rule: str = "demo-2026.1", enterprise: Enterprise = ENTERPRISE) -> str:
    return apply(published_rules()[rule], gather(enterprise, activity, published_rules()[rule], NOW)).stage


def test_live_data_and_a_used_app_bring_a_plant_onto_the_platform() -> None:
    assert stage(live()) == "on_platform"


def test_no_data_is_registered_and_no_more() -> None:
    assert stage(Activity()) == "registered"
    assert stage(live(minutes=MINUTES.empty_table(), subscriptions=0)) == "registered"


def test_a_subscription_without_data_is_not_the_cloud() -> None:
    assert stage(live(minutes=MINUTES.empty_table())) == "registered"


@pytest.mark.parametrize(
    "change",
    [
        {"signals": (signal(1, "S/A/L/M1/C/P", "import:zema"), signal(2, "S/A/L/M2/C/P", "import:zema")),
         "connectors": frozenset({"opcua-1", "import:zema"})},
        {"connectors": frozenset()},
        {"connectors": frozenset({"another"})},
        {"signals": tuple(signal(n, f"S/A/L/M{n}/C/P", role=SignalRole.PREDICTION) for n in (1, 2))},
        {"signals": tuple(signal(n, f"S/A/L/M{n}/C/P", role=SignalRole.OUTPUT) for n in (1, 2))},
    ],
)  # fmt: skip
def test_imports_models_apps_and_unknown_sources_count_for_nothing(change: dict[str, object]) -> None:
    assert stage(live(**change, subscriptions=0)) == "registered"


def test_only_good_data_count() -> None:
    facts = pa.table(
        {"signal": pa.array([1, 2], pa.uint32()), "minute": minutes((1, 1), (2, 1)).column("minute")}
    )
    good = facts.append_column("good", pa.array([0, 0]))
    assert stage(live(subscriptions=0).with_minutes(good)) == "registered"
    good = facts.append_column("good", pa.array([0, 3]))
    kept = live().with_minutes(good).minutes
    assert kept.column("signal").to_pylist() == [2]


def test_the_minute_that_is_not_over_does_not_count_yet() -> None:
    assert stage(live(range(1), uses=())) == "registered"
    assert stage(live(range(1, 2), uses=())) == "on_cloud"


def test_a_line_counts_when_all_its_machines_send() -> None:
    back = range(1, 60)
    half = minutes(*((1, b) for b in back))
    facts = gather(ENTERPRISE, live(minutes=half), DEMO, NOW)["windows"][0]
    assert (facts["machines"], facts["lines"]) == (1, 0)
    facts = gather(ENTERPRISE, live(), DEMO, NOW)["windows"][0]
    assert (facts["machines"], facts["lines"]) == (2, 1)
    assert stage(live(minutes=half)) == "on_cloud"


def test_an_app_that_ran_while_nothing_arrived_used_no_live_data() -> None:
    old = minutes(*((s, b) for s in (1, 2) for b in range(50, 60)))
    assert gather(ENTERPRISE, live(minutes=old), DEMO, NOW)["windows"][0]["app_bins"] == 0


def test_an_app_on_signals_that_did_not_arrive_used_no_live_data() -> None:
    uses = tuple(AppUse(NOW - timedelta(minutes=b), frozenset({99})) for b in range(60))
    assert gather(ENTERPRISE, live(uses=uses), DEMO, NOW)["windows"][0]["app_bins"] == 0


def test_two_shifts_are_measured_against_their_hours() -> None:
    two_shifts = Enterprise(
        uscc=ENTERPRISE.uscc,
        industry="C3444",
        region="431302",
        demo=True,
        hours_week=84.0,
        name_zh="",
        name_en="",
    )
    half = live(minutes=minutes((1, 1), (2, 1), (1, 3), (2, 3)))
    assert gather(ENTERPRISE, half, DEMO, NOW)["windows"][0]["good_share"] == 0.5
    assert gather(two_shifts, half, DEMO, NOW)["windows"][0]["good_share"] == 1.0


def test_logins_bring_users_onto_the_cloud() -> None:
    logins = ((1, NOW - timedelta(minutes=1)), (2, NOW - timedelta(minutes=1)))
    assert stage(Activity(subscriptions=1, logins=logins)) == "on_cloud"
    assert stage(Activity(subscriptions=1, logins=logins[:1] * 2)) == "registered"


def test_an_invalid_code_is_in_no_stage() -> None:
    wrong = Enterprise(
        uscc="91999900TD0000017X",
        industry="C3444",
        region="431302",
        demo=True,
        hours_week=168.0,
        name_zh="",
        name_en="",
    )
    assert stage(live(), enterprise=wrong) == ""


def test_a_demonstration_of_an_hour_is_not_the_official_platform() -> None:
    assert stage(live(), "2026.1") == "registered"


def test_the_span_reaches_as_far_as_the_rule_looks() -> None:
    start, end = span(OFFICIAL, NOW)
    assert end == datetime(2026, 3, 1, tzinfo=UTC)
    assert end - start == timedelta(days=61)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 40)), max_size=60), st.integers(0, 59))
def test_more_data_never_cost_a_stage_and_foreign_data_change_nothing(
    rows: list[tuple[int, int]], drop: int
) -> None:
    signals = (
        signal(1, "S/A/L/M1/C/P"), signal(2, "S/A/L/M2/C/P"), signal(3, "S/A/L/M3/C/P", "import:x"),
        signal(4, "S/A/L/Models/m/P", "model:m", SignalRole.PREDICTION),
    )  # fmt: skip
    base = live(signals=signals, uses=())
    whole = gather(ENTERPRISE, replace(base, minutes=minutes(*rows)), DEMO, NOW)
    fewer = gather(ENTERPRISE, replace(base, minutes=minutes(*(rows[:drop]))), DEMO, NOW)
    assert RANKS.index(apply(DEMO, whole).stage) >= RANKS.index(apply(DEMO, fewer).stage)
    own = [row for row in rows if row[0] in {1, 2}]
    assert gather(ENTERPRISE, replace(base, minutes=minutes(*own)), DEMO, NOW) == whole
