"""What the pages' benchmark measures is what it says, on a small plant in a real browser."""

from __future__ import annotations

import pytest

from tundish_dashboards.live.limits import LiveLimits
from tundish_deploy.benchmarks.dashboards.plant import PAGES_A_PERSON, watchers
from tundish_deploy.benchmarks.dashboards.run import Options, bench_dashboards
from tundish_deploy.benchmarks.dashboards.watching import pixel_ms

NAMED = {"first_paint_ms", "server_p95_ms", "zoom_ms", "change_to_pixel_p95_ms"}


def test_a_change_that_was_never_drawn_is_seen_with_the_next_one() -> None:
    sent = {1: 100.0, 2: 101.0, 3: 102.0, 4: 103.0}
    seen = [{1: 100.2, 3: 102.5}]
    taken, missing = pixel_ms(sent, seen, first=2, until=102.9)
    assert (taken, missing) == (pytest.approx([1_500.0, 500.0]), 0), "the last one happened after the end"
    assert pixel_ms(sent, [{4: 103.1}], first=4, until=110.0) == (pytest.approx([100.0]), 0)


def test_a_change_that_never_came_counts_with_all_its_waiting() -> None:
    """A page that stands still would otherwise look like the quickest one."""
    taken, missing = pixel_ms({1: 100.0, 2: 101.0}, [{1: 100.1}, {}], first=1, until=110.0)
    assert missing == 3
    assert taken == pytest.approx([100.0, 9_000.0, 10_000.0, 9_000.0])


def test_viewers_are_more_people_where_one_may_not_have_so_many_pages() -> None:
    assert [len(watchers(count)) for count in (0, 1, 10, 11, 48)] == [0, 1, 1, 2, 5]
    assert LiveLimits().of_person >= PAGES_A_PERSON


@pytest.mark.integration
@pytest.mark.browser
def test_every_figure_comes_from_pages_that_were_drawn() -> None:
    options = Options(rows=100_000, visits=1, zooms=1, viewers=3, seconds=8.0)
    report = bench_dashboards(options, lambda _: None)
    figures = {figure.name: figure for figure in report.figures}
    assert set(figures) >= NAMED
    assert all(figures[name].value is not None and figures[name].value > 0 for name in NAMED)
    assert all(figures[name].bar for name in NAMED)
    assert figures["viewers_refused"].value == 0
    assert figures["changes_not_come"].value == 0
    # What is seen sooner than a source can send was not seen at all.
    assert 1 < figures["change_to_pixel_p50_ms"].value < 30_000
    assert 1 < figures["change_to_viewers_p95_ms"].value < 30_000
