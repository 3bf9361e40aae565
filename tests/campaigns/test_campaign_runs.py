"""How long campaigns are run, broken off and gone on with, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tundish_deploy.campaigns import page
from tundish_deploy.campaigns.clocks import Stepped
from tundish_deploy.campaigns.kept import OtherRun
from tundish_deploy.campaigns.runner import Runs, each

ROOT = Path(__file__).resolve().parents[2]
CALLS = [(f"seed-{number}",) for number in range(5)]
made: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_made() -> None:
    made.clear()


def part(seed: str) -> Stepped:
    made.append(seed)
    return Stepped(seed, steps=len(made), words=["a\nb"])


def other(seed: str) -> Stepped:
    return Stepped(seed)


def test_parts_come_in_the_order_of_their_seeds() -> None:
    assert [one.seed for one in each(part, CALLS, Runs(0))] == [call[0] for call in CALLS]


@pytest.mark.integration
def test_processes_give_what_one_process_gives() -> None:
    assert each(Stepped, CALLS, Runs(2)) == each(Stepped, CALLS, Runs(0))


def test_without_time_nothing_is_begun() -> None:
    assert each(part, CALLS, Runs(0, minutes=0)) == []
    assert made == []


def test_a_run_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    runs = Runs(0, keep=tmp_path / "kept")
    first = each(part, CALLS[:2], runs, Stepped)
    with (tmp_path / "kept").open("a") as file:
        file.write('["seed-2"]\t{"seed": "seed-2"')
    assert each(part, CALLS, runs, Stepped)[:2] == first
    assert made == [call[0] for call in CALLS]
    assert len(each(part, CALLS, runs, Stepped)) == 5
    assert len(made) == 5


def test_parts_of_another_campaign_are_refused(tmp_path: Path) -> None:
    runs = Runs(0, keep=tmp_path / "kept")
    each(part, CALLS[:1], runs, Stepped)
    with pytest.raises(OtherRun, match="begin another file"):
        each(other, CALLS, runs, Stepped)


def test_the_page_shows_the_last_figures() -> None:
    text = (ROOT / "docs/reference/campaigns.md").read_text("utf-8")
    assert page.with_figures(text, ROOT / "docs/figures") == text
    assert all(page.heading(name) in text for name in page.CAMPAIGNS)


def test_a_page_without_a_place_for_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        page.with_figures("# Page\n", ROOT / "docs/figures")
