"""Searching the catalogue, its shelves, and the orders."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tundish_platform.marketplace import App, Compatibility
from tundish_platform.marketplace.categories import PROBLEMS, counts, industries, made_for
from tundish_platform.marketplace.search import Order, Wish, search
from tundish_platform.sdk import Manifest, Texts

SAID = {"zh": "试", "en": "text"}


def app(name: str, zh: str, en: str, day: int | None = None, **more: object) -> App:
    values = {
        "id": name, "version": "0.1.0", "entry": "tundish_app_x.app:run", "name": {"zh": zh, "en": en},
        "description": SAID, "publisher": "Acme", "problems": ["quality"], "data_use": SAID,
        "inputs": [{"key": "p", "semantic": "*", "name": SAID}], "outputs": [{"key": "n", "name": SAID}],
        "schedule_s": 60, "window_s": 60,
    }  # fmt: skip
    approved = None if day is None else datetime(2026, 3, day, tzinfo=UTC)
    return App(Manifest.model_validate(values | more), Path(), approved_at=approved)


APPS = [
    app("spc", "SPC监控", "SPC monitor", 2),
    app("energy", "能耗", "Energy", None, problems=["energy"], publisher="湘电"),
    app("casting", "铸造质量", "Casting", 9, industries=["C3391", "C31"],
        description={"zh": "监控砂型", "en": "Watches SPC of sand moulds"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        (Wish(), ["casting", "energy", "spc"]),
        (Wish("监控"), ["spc", "casting"]),
        (Wish("ｓｐｃ"), ["spc", "casting"]),
        (Wish("SPC sand"), ["casting"]),
        (Wish("湘电"), ["energy"]),
        (Wish("能耗"), ["energy"]),
        (Wish("quality"), ["casting", "spc"]),
        (Wish("金属制品业"), ["casting"]),
        (Wish("nothing of it"), []),
        (Wish(problem="energy"), ["energy"]),
        (Wish(industry="C33"), ["casting", "energy", "spc"]),
        (Wish(industry="C34"), ["energy", "spc"]),
        (Wish(industry="C", problem="quality"), ["casting", "spc"]),
        (Wish(order=Order.NEWEST), ["casting", "spc", "energy"]),
    ],
)
def test_all_words_in_either_language_and_every_choice(wish: Wish, names: list[str]) -> None:
    assert [one.manifest.id for one in search(APPS, wish)] == names


def test_what_could_run_here_comes_first_then_by_the_share_of_inputs() -> None:
    fits = {
        "spc": Compatibility(("a",), ("b",), ("b",), ()), "energy": Compatibility(("a",), ("b", "c"), (), ()),
        "casting": Compatibility(("a", "b"), ("c",), (), ()),
    }  # fmt: skip
    found = search(APPS, Wish(order=Order.FIT), fits)
    assert [one.manifest.id for one in found] == ["casting", "energy", "spc"]


def test_shelves_count_what_choosing_them_shows() -> None:
    by_industry, by_problem = counts(one.manifest for one in APPS)
    assert set(by_industry) == {"C31", "C33"}
    for code, number in by_industry.items():
        assert number == len(search(APPS, Wish(industry=code)))
    assert by_problem == {name: len(search(APPS, Wish(problem=name))) for name in PROBLEMS}


def test_industries_are_sections_and_divisions_with_both_names() -> None:
    known = industries()
    assert len([code for code in known if len(code) == 1]) == 20
    assert {f"C{n}" for n in range(13, 44)} <= set(known)
    assert known["C34"] == Texts(zh="通用设备制造业", en="Manufacture of general-purpose machinery")
    assert made_for(APPS[2].manifest, "C339") is True
    assert made_for(APPS[2].manifest, "D") is False
