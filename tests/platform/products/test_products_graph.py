"""Whatever is declared, nothing is made of itself, and ancestors are descendants seen from the other end."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tundish_platform.products import (
    ProductSpec,
    RowsRefused,
    TraceTooLong,
    ancestors,
    declare_products,
    descendants,
    graph,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
COUNT = 8
Edge = tuple[int, int]


# A genealogy for each example of hypothesis, all in one database.
EXAMPLES = count()


def spec(made: int, *sources: int, series: str = "lot") -> ProductSpec:
    origins = [{"series": series, "number": str(source)} for source in sources]
    said = {"kind": "lot", "series": series, "number": str(made), "made_from": origins}
    return ProductSpec.model_validate(said)


def declare(session: Session, scope: TenantScope, *specs: ProductSpec) -> list[int]:
    return declare_products(session, scope, specs, NOW).ids


def closure(edges: set[Edge]) -> set[Edge]:
    """All pairs (made, source) that some way leads along; the plain definition."""
    found = set(edges)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


@pytest.fixture
def plant(
    new_sqlite: Callable[[], Metadata], prepare: Callable[[Metadata], dict[str, TenantScope]]
) -> tuple[Metadata, TenantScope]:
    metadata = new_sqlite()
    return metadata, prepare(metadata)["mes"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(
        st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)), min_size=1, max_size=4),
        max_size=8,
    )
)
def test_circles_are_refused_and_only_they_and_both_ways_tell_the_same(
    plant: tuple[Metadata, TenantScope], bodies: list[list[Edge]]
) -> None:
    metadata, scope = plant
    series = f"lot{next(EXAMPLES)}"
    with metadata.session() as session:
        ids = declare(session, scope, *(spec(n, series=series) for n in range(COUNT)))
    edges: set[Edge] = set()
    for body in bodies:
        sources: dict[int, set[int]] = {}
        for made, source in body:
            sources.setdefault(made, set()).add(source)
        circle = any(a == b for a, b in closure(edges | set(body)))
        try:
            with metadata.session() as session:
                declare(session, scope, *(spec(made, *some, series=series) for made, some in sources.items()))
        except RowsRefused:
            assert circle
        else:
            assert not circle
            edges |= set(body)
    with metadata.session() as session:
        up = {(a, b) for a in range(COUNT) for b in ancestors(session, scope, ids[a])}
        down = {(b, a) for a in range(COUNT) for b in descendants(session, scope, ids[a])}
    row = dict(enumerate(ids))
    back = {number: n for n, number in row.items()}
    assert {(a, back[b]) for a, b in up} == {(back[b], a) for b, a in down} == closure(edges)


def test_depth_is_the_shortest_way_and_bounds_the_walk(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    mes = scopes["mes"]
    with metadata.session() as session:
        # 3 ← 2 ← 1 ← 0, and 3 ← 0 directly.
        ids = declare(session, mes, spec(0), spec(1, 0), spec(2, 1), spec(3, 2, 0))
        assert ancestors(session, mes, ids[3]) == {ids[2]: 1, ids[0]: 1, ids[1]: 2}
        assert ancestors(session, mes, ids[3], 1) == {ids[2]: 1, ids[0]: 1}
        assert descendants(session, mes, ids[0], 1) == {ids[1]: 1, ids[3]: 1}


def test_a_walk_that_meets_too_many_says_so(
    metadata: Metadata, scopes: dict[str, TenantScope], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "MAX_TRACED", 3)
    mes = scopes["mes"]
    with metadata.session() as session:
        ids = declare(session, mes, spec(0), *(spec(n, 0) for n in range(1, 4)))
        with pytest.raises(TraceTooLong):
            descendants(session, mes, ids[0])
        assert len(ancestors(session, mes, ids[3])) == 1


def test_two_bodies_at_once_never_close_a_circle(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    mes = scopes["mes"]
    with metadata.session() as session:
        declare(session, mes, spec(0), spec(1))
    outcomes: list[str] = []

    def say(made: int, source: int) -> None:
        with suppress(Exception):
            outcome = "refused"
            try:
                with metadata.session() as session:
                    declare(session, mes, spec(made, source))
                outcome = "taken"
            finally:
                outcomes.append(outcome)

    threads = [threading.Thread(target=say, args=pair) for pair in ((0, 1), (1, 0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "taken"]
