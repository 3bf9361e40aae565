from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tundish_dashboards.formats import Formats
from tundish_dashboards.i18n import Language

ZH = Formats(Language.ZH, ZoneInfo("Asia/Shanghai"))
EN = Formats(Language.EN, ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0"), (151.42, "151.4"), (1234567.0, "1,234,567"),
     (0.01234, "0.01234"), (-3.5, "-3.500"), (1e-9, "0.000000")],
)  # fmt: skip
def test_numbers_keep_about_four_figures(value: float | None, shown: str) -> None:
    assert ZH.number(value) == shown


def test_brief_numbers_drop_zeros() -> None:
    assert ZH.brief(20.0) == "20"
    assert ZH.brief(1.42) == "1.42"


def test_quantities_use_readable_units() -> None:
    assert EN.quantity(41.5, "Cel") == "41.50 °C"
    assert EN.quantity(3.0, "1", 0) == "3"


@pytest.mark.parametrize(
    ("share", "shown"),
    [(1.0, "100.0%"), (0.99999, "99.9%"), (0.5, "50.0%"), (0.0, "0.0%"), (None, "–"), (1.0875, "108.8%")],
)
def test_a_share_below_one_never_reads_as_complete(share: float | None, shown: str) -> None:
    assert ZH.percent(share) == shown


def test_moments_are_in_the_plants_zone_also_across_daylight_saving() -> None:
    assert ZH.moment(datetime(2026, 11, 20, 16, 30, tzinfo=UTC)) == "2026-11-21 00:30:00"
    assert EN.moment(datetime(2026, 3, 29, 0, 59, tzinfo=UTC)) == "2026-03-29 01:59:00"
    assert EN.moment(datetime(2026, 3, 29, 1, 0, tzinfo=UTC)) == "2026-03-29 03:00:00"
    assert EN.zone_text(datetime(2026, 7, 1, tzinfo=UTC)) == "Europe/Berlin (UTC+02:00)"


def test_spans_choose_their_unit() -> None:
    assert EN.span(timedelta(seconds=90)) == "90 s"
    assert EN.span(timedelta(minutes=4)) == "4 min"
    assert ZH.span(timedelta(hours=36)) == "36 小时"
    assert ZH.span(None) == "–"
