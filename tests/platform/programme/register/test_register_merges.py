"""Merges: counted once, evidence and tenant followed, both histories kept, and taken back without a trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.programme import (
    Activity,
    adoption,
    assess,
    enterprise_of,
    enterprises,
    newest_evidence,
    published_rules,
)
from tundish_platform.programme.models import EvidenceRecord
from tundish_platform.programme.register.changes import Edit, RegisterRefused, edit_enterprise, needed
from tundish_platform.programme.register.merging import merge_enterprises, merges, undo_merge
from tundish_platform.programme.register.reading import entry_of, figures, history_of, known_of
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = published_rules()["demo-2026.1"]


def tenants(metadata: Metadata, *codes: str) -> list[int | None]:
    with metadata.session() as session:
        return [needed(session, code).tenant for code in codes]


def give_tenant(metadata: Metadata, code: str, slug: str = "plant") -> int:
    with metadata.session() as session:
        tenant = create_tenant(session, slug, "厂", "Plant")
        needed(session, code).tenant = tenant.id
        return tenant.id


def test_two_entries_are_counted_once_and_twice_again_when_it_is_undone(
    metadata: Metadata, enter: Callable[..., str]
) -> None:
    old, new = enter(metadata, 0), enter(metadata, 1)
    number = give_tenant(metadata, old)
    with metadata.session() as session:
        before = figures(session, known_of(session, NOW))
        made = merge_enterprises(session, "li", old, new, "renamed", NOW + DAY)
    with metadata.session() as session:
        merged = figures(session, known_of(session, NOW + DAY))
        assert (before.enterprises, merged.enterprises, merged.merged) == (2, 1, 1)
        assert [one.uscc for one in enterprises(session)] == [new]
        found = entry_of(session, old, known_of(session, NOW + DAY))
        assert found is not None
        assert found.merged_into == new
        assert {one.actor for one in history_of(session, new)} == {"li"}
        assert len(history_of(session, new)) == 2 * len(history_of(session, old))
        assert figures(session, known_of(session, NOW + DAY, before.change, on=before.on)) == before
    assert tenants(metadata, new) == [number]
    with metadata.session() as session:
        undo_merge(session, "wang", made, "no", NOW + 2 * DAY)
    assert tenants(metadata, old, new) == [number, None]
    with metadata.session() as session:
        later = known_of(session, NOW + 3 * DAY)
        assert figures(session, later).enterprises == 2
        then = known_of(session, NOW + 3 * DAY, merged.change, on=merged.on)
        assert figures(session, then) == merged
        (one,) = merges(session)
        assert (one.actor, one.undone_by) == ("li", later.change)


def test_evidence_follows_and_comes_back(metadata: Metadata, enter: Callable[..., str]) -> None:
    old, new = enter(metadata, 0), enter(metadata, 1)
    with metadata.session() as session:
        assess(session, RULE, {}, NOW)
        row = enterprise_of(session, old)
        assert row is not None
        record = newest_evidence(session, row, RULE)
        assert record is not None
        # What the old entry reached before the new code was given.
        record.stage, number = "on_platform", record.id
        made = merge_enterprises(session, "li", old, new, "renamed", NOW)
    with metadata.session() as session:
        counted = {one.stage: (one.current, one.ever) for one in adoption(session, RULE).stages}
        assert counted == {"registered": (1, 1), "on_cloud": (1, 1), "on_platform": (1, 1)}
        assess(session, RULE, {0: Activity()}, NOW + DAY)
        after = {one.stage: (one.current, one.ever) for one in adoption(session, RULE).stages}
        assert after == {"registered": (1, 1), "on_cloud": (0, 1), "on_platform": (0, 1)}
        assert session.get(EvidenceRecord, number) is not None
        undo_merge(session, "li", made, "no", NOW + DAY)
    with metadata.session() as session:
        again = {one.stage: (one.current, one.ever) for one in adoption(session, RULE).stages}
    assert again == {"registered": (2, 2), "on_cloud": (1, 1), "on_platform": (1, 1)}


def test_merges_of_merges_are_undone_from_the_outside(metadata: Metadata, enter: Callable[..., str]) -> None:
    first, second, third = (enter(metadata, n) for n in range(3))
    with metadata.session() as session:
        inner = merge_enterprises(session, "li", first, second, "x", NOW)
        outer = merge_enterprises(session, "li", second, third, "x", NOW)
        assert [one.uscc for one in enterprises(session)] == [third]
        found = entry_of(session, first, known_of(session, NOW))
        assert found is not None
        assert found.merged_into == third
    with pytest.raises(RegisterRefused), metadata.session() as session:
        undo_merge(session, "li", inner, "x", NOW)
    with metadata.session() as session:
        undo_merge(session, "li", outer, "x", NOW)
        assert [one.uscc for one in enterprises(session)] == [second, third]
        undo_merge(session, "li", inner, "x", NOW)
        assert len(enterprises(session)) == 3
    with pytest.raises(RegisterRefused), metadata.session() as session:
        undo_merge(session, "li", inner, "x", NOW)


def test_what_is_no_merge_is_refused(metadata: Metadata, codes: list[str], enter: Callable[..., str]) -> None:
    first, second, third = (enter(metadata, n) for n in range(3))
    give_tenant(metadata, first, "plant-a")
    give_tenant(metadata, second, "plant-b")
    with metadata.session() as session:
        merge_enterprises(session, "li", third, first, "x", NOW)
    pairs = [(first, first), (first, second), (third, second), (second, third), (first, codes[9])]
    for merged, kept in pairs:
        with pytest.raises(RegisterRefused), metadata.session() as session:
            merge_enterprises(session, "li", merged, kept, "x", NOW)
    with pytest.raises(RegisterRefused, match="merged into"), metadata.session() as session:
        edit_enterprise(session, "li", third, Edit(fields={"park": "x"}), NOW)
