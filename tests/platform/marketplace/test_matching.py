"""Matching inputs with signals: what fits, what is only alike, and why the rest cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tundish_platform.marketplace import compatibility
from tundish_platform.marketplace.likeness import words
from tundish_platform.marketplace.matching import MOST_NEAR, InputMatch, in_lines, lines_of, match, stock_of
from tundish_platform.samples import SampleKind, SignalInfo, SignalRole
from tundish_platform.sdk import Manifest
from tundish_platform.sdk.fit import Why, obstacles

TEXTS = {"zh": "试", "en": "test"}


def manifest(*inputs: dict[str, Any]) -> Manifest:
    return Manifest(
        id="probe", version="0.1.0", entry="tundish_app_probe.app:run", name=TEXTS, description=TEXTS,
        publisher="P", problems=["quality"], inputs=inputs, data_use=TEXTS, schedule_s=60, window_s=60,
        outputs=[{"key": "n", "name": TEXTS}],
    )  # fmt: skip


def wish(semantic: str = "pressure.hydraulic", **more: object) -> dict[str, Any]:
    return {"key": "p", "semantic": semantic, "name": {"zh": "系统压力", "en": "system pressure"}} | more


def signal(number: int, semantic: str = "pressure.hydraulic", **more: object) -> SignalInfo:
    named = {"name_zh": f"信号{number}", "name_en": f"Signal {number}", "unit": "bar", "period_s": 1.0}
    path = f"S/A/L{number % 2}/M/C/X{number:03}"
    return SignalInfo(id=number, source="opc", **({"path": path, "semantic": semantic} | named | more))


def one(wanted: dict[str, Any], *signals: SignalInfo, periods: dict[int, float] | None = None) -> InputMatch:
    (found,) = match(manifest(wanted), stock_of(signals, periods), suggest=True)
    return found


def test_exactly_the_kind_comes_before_the_family() -> None:
    found = one(wish("power.active.*"), signal(1, "power.active.pump"), signal(2, "power.active"))
    assert [s.id for s in found.fits] == [1]
    both = one(wish("*"), signal(3, "flow.x"), signal(1, "power.active.pump"))
    assert [s.id for s in both.fits] == [1, 3]


@pytest.mark.parametrize(
    ("change", "more", "why"),
    [
        ({"kind": SampleKind.TEXT}, {}, Why.KIND),
        ({"role": SignalRole.PREDICTION}, {}, Why.ROLE),
        ({"role": SignalRole.SETPOINT}, {"roles": ["measurement"]}, Why.ROLE),
        ({"unit": "Cel"}, {"unit": "bar"}, Why.UNIT),
        ({"unit": ""}, {"unit": "bar"}, Why.UNIT),
        ({"kind": SampleKind.INTEGER}, {"unit": "MPa", "kinds": ["integer"]}, Why.UNIT),
        ({"period_s": 60.0}, {"max_period_s": 10}, Why.RATE),
    ],
)
def test_what_stands_against_a_signal_of_the_kind_is_said(
    change: dict[str, Any], more: dict[str, Any], why: Why
) -> None:
    found = one(wish(**more), signal(1, **change))
    assert found.fits == ()
    assert [[o.why for o in miss.obstacles] for miss in found.near] == [[why]]
    assert found.suggestions == ()


def test_a_convertible_unit_fits_and_the_right_one_does_so_too() -> None:
    found = one(wish(unit="bar"), signal(1, unit="MPa"), signal(2), signal(3, unit="mm/s"))
    assert [s.id for s in found.fits] == [2, 1]


def test_the_measured_rate_counts_more_than_the_declared_one_and_jitter_does_not() -> None:
    quick, slow = signal(1), signal(2)
    found = one(wish(max_period_s=1), quick, slow, periods={1: 1.1, 2: 30.0})
    assert [s.id for s in found.fits] == [1]
    (obstacle,) = found.near[0].obstacles
    assert (found.near[0].signal.id, obstacle.found, obstacle.wanted) == (2, "30", "1")


def test_near_misses_are_few_and_of_other_kinds_none() -> None:
    texts = [signal(n, kind=SampleKind.TEXT) for n in range(1, MOST_NEAR + 5)]
    found = one(wish(), *texts, signal(99, "flow.x", kind=SampleKind.TEXT))
    assert len(found.near) == MOST_NEAR
    assert 99 not in {miss.signal.id for miss in found.near}


@pytest.mark.parametrize(
    ("zh", "en", "path"),
    [
        ("一号泵系统压力", "PT-101", "S/A/L1/HPU1/C/PT101"),
        ("PT101", "Hydraulic system pressure", "S/A/L1/HPU1/C/PT101"),
        ("PT101", "PT101", "S/A/L1/HPU1/Circuit/SystemPressure"),
    ],
)
def test_names_in_either_language_or_the_path_make_a_suggestion(zh: str, en: str, path: str) -> None:
    alike = signal(1, "unknown", name_zh=zh, name_en=en, path=path)
    other = signal(2, "unknown", name_zh="油温", name_en="Oil temperature", unit="Cel")
    found = one(wish(), alike, other)
    assert found.fits == ()
    assert [s.signal.id for s in found.suggestions] == [1]
    assert not compatibility(manifest(wish()), [alike, other]).usable


def test_a_unit_of_another_quantity_is_never_suggested_however_it_is_named() -> None:
    found = one(wish(), signal(1, "unknown", name_zh="系统压力", name_en="System pressure", unit="mm/s"))
    assert found.suggestions == ()


@pytest.mark.parametrize(
    ("semantic", "count"), [("pressure", 1), ("pressure.hydraulic.hgc", 1), ("unknown", 0)]
)
def test_kinds_of_the_family_are_suggested_without_a_name_and_a_unit_alone_is_not(
    semantic: str, count: int
) -> None:
    found = one(wish(), signal(1, semantic, name_zh="PT_0417", name_en="PT_0417"))
    assert (len(found.fits), len(found.suggestions)) == (0, count)
    assert [s.id for s in found.others] == [1], "a person may choose it all the same"


def test_nothing_is_suggested_where_something_fits() -> None:
    named = signal(2, "unknown", name_zh="系统压力", name_en="System pressure")
    assert one(wish(), signal(1), named).suggestions == ()


def test_words_of_both_languages() -> None:
    assert words("HydraulicPressure 系统压力 PT1") == {"hydraulic", "pressure", "系统", "统压", "压力", "pt"}


def test_lines_are_the_first_three_levels_and_choose_signals() -> None:
    known = [signal(1), signal(2), signal(3)]
    assert lines_of(known) == ("S/A/L0", "S/A/L1")
    assert [s.id for s in in_lines(known, ["S/A/L1"])] == [1, 3]
    assert in_lines(known, []) == known


def test_obstacles_of_a_fitting_signal_are_none_and_of_another_all() -> None:
    (wanted,) = manifest(wish(max_period_s=1, unit="bar")).inputs
    assert obstacles(wanted, signal(1)) == ()
    wrong = signal(1, "flow.x", kind=SampleKind.TEXT, role=SignalRole.OUTPUT, unit="kg", period_s=5.0)
    assert [o.why for o in obstacles(wanted, wrong)] == list(Why)
