"""Frozen months and what is kept of them: written once, recomputed to the same figures, read back whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.programme import Enterprise, enterprises, published_rules
from tundish_platform.programme.register.tables import RegisterEntryRow
from tundish_platform.programme.series.frozen import MonthFrozen, earlier_of, freeze, load
from tundish_platform.programme.series.months import bounds, complete, month_of, row_of, shifted
from tundish_platform.programme.series.panel import FACTS, table_of
from tundish_platform.programme.series.places import Places, standing
from tundish_platform.programme.series.progress import progress
from tundish_platform.programme.series.stored import is_current, recompute, series_of, unpacked_stages
from tundish_platform.programme.series.targets import (
    Kind,
    Scope,
    TargetSpec,
    completion,
    gap,
    percent,
    set_target,
    targets,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.orm import Session

    from tundish_platform.programme.series.models import TargetRecord
    from tundish_platform.tenancy.metadata import Metadata

    City = Callable[[Metadata, int], None]

NOW = datetime(2026, 1, 3, 1, tzinfo=UTC)
RULE = published_rules()["2026.2"]
CLOUD = dict.fromkeys(("uscc_valid", "industry_set", "region_set", "subscriptions"), 1) | {"machine_bins": 20}
PAPER = CLOUD | {"machine_bins": 0}


def grow(metadata: Metadata, count: int, months: int = 9, *, first: str = "2025-04") -> None:
    """Months in which one enterprise after the other comes onto the cloud, two a month."""
    with metadata.session() as session:
        for month in range(months):
            facts = [CLOUD if n <= 2 * month else PAPER for n in range(1, count + 1)]
            freeze(session, shifted(first, month), table_of(range(1, count + 1), facts), RULE.version, NOW)


def put_in_park(session: Session, numbers: Iterable[int], park: str) -> None:
    session.add_all(RegisterEntryRow(enterprise_id=n, park=park, version=1) for n in numbers)
    session.flush()


def target(value: int | None, kind: Kind = Kind.EVER, **scope: str) -> TargetSpec:
    said = {"year": 2025, "stage": "on_cloud", "kind": kind, "value": value, "source": "Order 3 of 2025"}
    return TargetSpec.model_validate(said | scope)


def test_months_are_bounded_by_chinas_days() -> None:
    begin, end = bounds("2025-12")
    assert (begin.astimezone(UTC), end.astimezone(UTC)) == (
        datetime(2025, 11, 30, 16, tzinfo=UTC), datetime(2025, 12, 31, 16, tzinfo=UTC)
    )  # fmt: skip
    assert month_of(datetime(2025, 12, 31, 16, tzinfo=UTC)) == "2026-01"
    assert complete(datetime(2025, 11, 5, tzinfo=UTC), NOW) == ("2025-11", "2025-12")
    assert (shifted("2025-12", 1), shifted("2026-01", -13)) == ("2026-01", "2024-12")
    assert row_of("2026-02", "2026-01") == ()
    with pytest.raises(ValueError, match="no month"):
        shifted("2026-13", 0)


def test_a_frozen_month_stays_as_it_is(metadata: Metadata, city: City) -> None:
    city(metadata, 2)
    with metadata.session() as session:
        first = freeze(session, "2025-12", table_of([1, 2], [CLOUD, PAPER]), "2026.2", NOW)
        assert freeze(session, "2025-12", table_of([2, 1], [PAPER, CLOUD]), "2026.2", NOW) is first
        with pytest.raises(MonthFrozen):
            freeze(session, "2025-12", table_of([1], [CLOUD]), "2026.2", NOW)
        panel = load(session, 36)
    assert (panel.months, panel.enterprises.tolist()) == (("2025-12",), [1, 2])
    assert panel.windows(0, 0) == [dict.fromkeys(FACTS, 0) | CLOUD]


def test_only_months_without_a_hole_are_windows(metadata: Metadata, city: City) -> None:
    city(metadata, 1)
    with metadata.session() as session:
        for month in ("2025-08", "2025-10", "2025-11", "2025-12"):
            freeze(session, month, table_of([1], [CLOUD | {"machines": int(month[-2:])}]), "2026.2", NOW)
        assert load(session, 36).months == ("2025-10", "2025-11", "2025-12")
        assert [w["machines"] for w in earlier_of(session, NOW, 12)[1]] == [12, 11, 10]
        # In February January isn't frozen yet; in March the chain is broken.
        assert earlier_of(session, datetime(2026, 2, 1, tzinfo=UTC), 2)[1][0]["machines"] == 12
        assert earlier_of(session, datetime(2026, 3, 1, tzinfo=UTC), 12) == {}


def test_series_are_kept_and_counted_anew_to_the_same(metadata: Metadata, city: City) -> None:
    city(metadata, 30)
    with metadata.session() as session:
        assert recompute(session, RULE, NOW) is None
        assert not is_current(session, RULE)
    grow(metadata, 30)
    with metadata.session() as session:
        recompute(session, RULE, NOW)
        assert is_current(session, RULE)
        first = series_of(session, RULE)
        assert first is not None
        figures, stages = dict(first.figures), first.stages
        recompute(session, RULE, NOW)
        again = series_of(session, RULE)
        assert again is not None
        assert (again.figures, again.stages) == (figures, stages)
        assert figures["total"]["current"]["on_cloud"] == [0, 2, 4, 6, 8, 10, 12, 14, 16]
        assert figures["total"]["new"]["on_cloud"] == [0] + [2] * 8
        assert [(c["key"], c["suppressed"]) for c in figures["by_region"]] == [
            ("431302", False), ("431321", False),
        ]  # fmt: skip
        assert figures["projection"]["months"][0] == "2026-01"
        assert figures["projection"]["months"][-1] == "2026-12"
        assert figures["by_park"] == []
        assert unpacked_stages(stages).ranks.shape == (30, 9)
        freeze(session, "2026-01", table_of([1], [CLOUD]), "2026.2", NOW)
        assert not is_current(session, RULE)


def test_who_left_the_register_is_in_no_figure_and_a_park_is_a_cut_of_its_own(
    metadata: Metadata, city: City
) -> None:
    city(metadata, 20)
    grow(metadata, 20)
    with metadata.session() as session:
        session.delete(enterprises(session)[0])
        session.flush()
        put_in_park(session, range(2, 10), "P1")
        put_in_park(session, range(10, 13), "P2")
        recompute(session, RULE, NOW)
        kept = series_of(session, RULE)
        assert kept is not None
        assert kept.figures["total"]["enterprises"][-1] == 19
        assert kept.figures["total"]["current"]["on_cloud"][-1] == 15
        park, small = kept.figures["by_park"]
        assert (park["key"], park["figures"]["enterprises"][-1]) == ("P1", 10)
        assert park["projection"]["current"]["on_cloud"]["middle"][-1] % 5 == 0
        assert (small["key"], small["suppressed"], small["figures"], small["projection"]) == (
            "P2", True, None, None,
        )  # fmt: skip


def test_an_entry_that_was_merged_is_counted_once_with_what_it_reached(
    metadata: Metadata, city: City
) -> None:
    city(metadata, 20)
    grow(metadata, 20)
    with metadata.session() as session:
        # The first was on the cloud from the second month on, the last never.
        for gone, stays in ((1, 20), (18, 17)):
            session.get_one(Enterprise, gone).merged_into = stays
        recompute(session, RULE, NOW)
        kept = series_of(session, RULE)
        assert kept is not None
        total, stages = kept.figures["total"], unpacked_stages(kept.stages)
    assert total["enterprises"] == [18] * 9
    assert total["current"]["on_cloud"] == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert stages.enterprises.tolist() == [*range(2, 18), 19, 20]
    assert stages.ranks[-1].tolist() == [1] + [2] * 8


def test_targets_keep_their_versions_and_one_can_be_taken_back(metadata: Metadata) -> None:
    with metadata.session() as session:
        set_target(session, target(240), "officer", NOW)
        newer = set_target(session, target(250), "officer", NOW)
        set_target(session, target(90, region="431321"), "officer", NOW)
        set_target(session, target(170, region="431302"), "officer", NOW)
        whole, *parts = targets(session, 2025)
        assert ((whole.id, whole.value), [p.value for p in parts]) == ((newer.id, 250), [170, 90])
        assert gap(whole, parts) == 10
        assert [(v.version, v.value) for v in versions(session, whole)] == [(1, 240), (2, 250)]
        set_target(session, target(None), "officer", NOW)
        assert [t.region for t in targets(session)] == ["431302", "431321"]
        assert len(versions(session, whole)) == 3
        assert targets(session, 2026) == []


def test_completion_is_never_clamped_and_unknown_without_a_target() -> None:
    assert percent(completion(261, 240)) == "108.75"
    assert completion(5, 0) is completion(5, None) is completion(None, 5) is percent(None) is None
    assert percent(completion(1, 3)) == "33.33"
    assert percent(completion(2_469, 20_000)) == "12.35"


def measured(metadata: Metadata, *specs: TargetSpec) -> list[tuple[TargetRecord, object]]:
    with metadata.session() as session:
        made = [set_target(session, spec, "officer", NOW) for spec in specs]
        recompute(session, RULE, NOW)
        kept = series_of(session, RULE)
        assert kept is not None
        stages, months = unpacked_stages(kept.stages), kept.figures["months"]
        places = standing(session).places(stages.enterprises.tolist())
        return [(t, progress(t, months, kept.figures["stages"], stages, places)) for t in made]


def test_progress_tells_actual_completion_and_what_december_may_bring(metadata: Metadata, city: City) -> None:
    city(metadata, 40)
    grow(metadata, 40, 8, first="2025-03")
    (_, whole), (_, county), (_, new), (_, other), (_, few) = measured(
        metadata, target(10), target(4, region="431321"), target(28, Kind.NEW), target(1, industry="C1711"),
        target(9, Kind.CURRENT, region="431302", industry="C3130"),
    )  # fmt: skip
    assert (whole.actual, whole.completion) == (14, 1.4)
    assert [m.actual for m in whole.trend] == [0, 2, 4, 6, 8, 10, 12, 14]
    assert whole.elapsed == pytest.approx(8 / 12)
    end = whole.year_end
    assert 14 <= end.low <= end.middle <= end.high <= 40
    assert end.low < 18 <= end.high
    assert (end.completion, end.completion_high) == (end.middle / 10, end.high / 10)
    # A part of the city is told in multiples of five; two of six is nothing yet.
    assert (whole.rounded, county.rounded, county.actual) == (False, True, 0)
    assert (new.actual, new.completion) == (14, 0.5)
    # Nobody lies there: nothing is told of it.
    assert (other.suppressed, other.actual, other.trend) == (True, None, ())
    assert not few.suppressed


def test_a_scope_of_few_enterprises_is_not_told_nor_what_leaves_few_besides(
    metadata: Metadata, city: City
) -> None:
    city(metadata, 26)
    grow(metadata, 26)
    (_, few), (_, many) = measured(metadata, target(3, region="431321"), target(9, region="431302"))
    assert (few.suppressed, many.suppressed) == (True, True)
    assert few.year_end is many.year_end is None


def test_a_year_that_is_over_has_no_projection_and_a_coming_one_no_actual(
    metadata: Metadata, city: City
) -> None:
    city(metadata, 30)
    grow(metadata, 30)
    coming = target(20).model_copy(update={"year": 2026})
    (_, over), (_, ahead) = measured(metadata, target(20), coming)
    assert (over.actual, over.year_end, over.elapsed) == (16, None, 9 / 12)
    assert (ahead.actual, ahead.completion, ahead.trend) == (None, None, ())


def test_a_target_of_a_park_or_a_division_is_measured_there(metadata: Metadata, city: City) -> None:
    city(metadata, 60)
    with metadata.session() as session:
        put_in_park(session, range(1, 31), "高新区" * 20)
    grow(metadata, 60, 8, first="2025-03")
    park, division, both = (
        found
        for _, found in measured(
            metadata, target(20, park="高新区" * 20), target(32, industry="C31"),
            target(20, Kind.NEW, park="高新区" * 20, region="431302"),
        )
    )  # fmt: skip
    # Sixteen of the first thirty are on the cloud: told in the months in which five more had come.
    assert [m.actual for m in park.trend] == [0, 0, 0, 5, 5, 5, 10, 10]
    assert (park.rounded, park.suppressed, park.completion) == (True, False, 0.5)
    assert (division.actual, both.actual) == (10, 10)
    assert park.year_end.middle % 5 == 0


def test_places_hold_what_a_scope_names() -> None:
    places = Places(["431302", "431321", "431302"], ["C3130", "C3140", "C3230"], ["P", "", "P"])
    assert places.within(Scope()).tolist() == [True, True, True]
    assert places.within(Scope(industry="C31")).tolist() == [True, True, False]
    assert places.within(Scope(industry="C3130", park="P")).tolist() == [True, False, False]
    assert places.within(Scope(region="431302")).tolist() == [True, False, True]
