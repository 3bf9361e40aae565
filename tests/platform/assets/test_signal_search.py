from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tundish_platform.assets import SignalSearch, search_signals, upsert_signals
from tundish_platform.assets.searchtext import MARK, indexed_term, normal, search_text
from tundish_platform.migrations import upgrade
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Cluster

RND = random.Random(5)  # noqa: S311 - made-up signals
NAMES = [
    ("液压压力", "Hydraulic pressure"),
    ("轴承温度", "Bearing temperature"),
    ("泵振动", "Pump Vibration 50%_x"),
]
KINDS = [
    ("pressure.hydraulic", "bar"),
    ("temperature.bearing", "Cel"),
    ("temperature", "K"),
    ("temperaturex", ""),
]


def spec(number: int) -> SignalSpec:
    zh, en = RND.choice(NAMES)
    kind, unit = RND.choice(KINDS)
    path = f"S/A/L{number % 4}/M{number % 17}/C/Value_{number}"
    return SignalSpec(path=path, name_zh=f"{zh} {number}", name_en=en, semantic=kind, unit=unit)


SPECS = [spec(number) for number in range(300)]


@pytest.fixture
def scopes(metadata: Metadata) -> dict[str, TenantScope]:
    with metadata.session() as session:
        for slug in ("power", "steel"):
            create_tenant(session, slug, slug, slug)
        job = job_principal(session, "job", Role.ANALYST)
        found = {slug: access_tenant(job, slug, Permission.INGEST) for slug in ("steel", "power")}
        for scope in found.values():
            upsert_signals(session, scope, "opc", SPECS if scope.slug == "steel" else SPECS[:7])
    return found


def fits(one: SignalSpec, wanted: SignalSearch) -> bool:
    """The plain truth, without any index."""
    words = f"{one.path}\n{one.name_zh}\n{one.name_en}".lower()
    return (
        all(term in words for term in wanted.terms.lower().split())
        and (not wanted.kind or one.semantic == wanted.kind or one.semantic.startswith(f"{wanted.kind}."))
        and (not wanted.unit or one.unit == wanted.unit)
        and (not wanted.line or one.path.startswith(f"{wanted.line}/"))
    )


WANTED = [
    SignalSearch(),
    *(
        SignalSearch(terms)
        for terms in (
            "压力", "轴承温度", "温", "泵", "hydraulic", "PRESS", "M1/C", "m1", "value_12", "压力 12",
            "nothing here", "50%_x", "%", "_", '"', "a OR b",
            "* NOT", "value_1 压力 hyd", "承温", "l2/m3/c/value_3",
        )
    ),
    SignalSearch(kind="temperature"), SignalSearch(kind="temperature.bearing"), SignalSearch(kind="temp"),
    SignalSearch(unit="bar"), SignalSearch(unit="Cel", kind="temperature"), SignalSearch(line="S/A/L1"),
    SignalSearch(line="S/A/L"), SignalSearch(line="S/A/L1/M5/C"),
    SignalSearch("压力", unit="bar", line="S/A/L3"), SignalSearch("泵", "temperature", "K", "S/A/L2"),
    SignalSearch("value", kind="nothing"), SignalSearch("温度", line="S/A/L0"),
]  # fmt: skip


def test_the_index_finds_what_looking_through_everything_finds(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    found = dict.fromkeys(WANTED, 0)
    with metadata.session() as session:
        for wanted in WANTED:
            for slug, held in (("steel", SPECS), ("power", SPECS[:7])):
                got = search_signals(session, scopes[slug], wanted, limit=1_000)
                assert [one.path for one in got] == [s.path for s in held if fits(s, wanted)], wanted
                found[wanted] += len(got)
    assert sum(count > 0 for count in found.values()) > len(WANTED) * 0.6


def test_pages_follow_each_other_without_hole_or_double(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    with metadata.session() as session:
        for wanted in (SignalSearch("压力"), SignalSearch(kind="temperature"), SignalSearch("m1")):
            whole = search_signals(session, scopes["steel"], wanted, limit=1_000)
            pages, after = [], 0
            while page := search_signals(session, scopes["steel"], wanted, after=after, limit=7):
                pages += page
                after = page[-1].id
            assert pages == whole
            assert len(whole) > 7


def test_a_narrowed_scope_finds_among_its_own_only(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    narrow = scopes["steel"].narrowed(frozenset(range(1, 40)), frozenset({Permission.READ}))
    with metadata.session() as session:
        for wanted in WANTED:
            got = search_signals(session, narrow, wanted, limit=1_000)
            assert [one.path for one in got] == [s.path for s in SPECS[:39] if fits(s, wanted)], wanted
        with pytest.raises(AccessDenied):
            search_signals(session, scopes["steel"].narrowed(frozenset(), frozenset()), SignalSearch())


def test_what_is_renamed_is_found_by_its_new_name_only(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    with metadata.session() as session:
        renamed = SPECS[0].model_copy(update={"name_zh": "炉膛负压", "name_en": "Draught"})
        upsert_signals(session, scopes["steel"], "opc", [renamed])
    with metadata.session() as session:
        assert [s.id for s in search_signals(session, scopes["steel"], SignalSearch("炉膛负压"))] == [1]
        assert [s.id for s in search_signals(session, scopes["steel"], SignalSearch("draught"))] == [1]
        old = search_signals(session, scopes["steel"], SignalSearch(SPECS[0].name_en), limit=1_000)
        assert 1 not in {one.id for one in old}
        assert search_signals(session, scopes["power"], SignalSearch("draught")) == []


def test_texts_are_made_alike_on_both_sides() -> None:
    assert normal("ＡＢＣ（１）" + MARK) == "abc(1) "
    assert search_text("S/P", "压力表", "Gauge").splitlines() == [
        "s/p", "压力表", "gauge", MARK + "力表", MARK + "压力",
    ]  # fmt: skip
    assert (indexed_term("压力"), indexed_term("ab"), indexed_term("abc")) == (MARK + "压力", None, "abc")


@pytest.fixture(params=["LOCALE 'C'", "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"])
def ordered(request: pytest.FixtureRequest, postgres: Cluster) -> Iterator[Metadata]:
    """A PostgreSQL that takes Chinese characters for no letters, and one that has an order of its own."""
    name = postgres.new_database(f"template0 ENCODING 'UTF8' {request.param}")
    metadata = Metadata(postgres.url(name))
    upgrade(metadata)
    yield metadata.above(Above.OPERATOR)
    metadata.close()


def test_what_is_found_does_not_depend_on_the_locale_of_a_postgresql(ordered: Metadata) -> None:
    lines = ("L1", "L1+", "L1#b", "L1$", "L1.x", "L10", "L2")
    kinds = ("pressure", "pressure.oil", "pressure_x", "pressure+", "pressures")
    specs = [
        SignalSpec(
            path=f"S/A/{line}/M/C/{n}", name_zh="轴承温度 入口", name_en="x", semantic=kind, unit="bar"
        )
        for line in lines
        for n, kind in enumerate(kinds)
    ]
    with ordered.session() as session:
        create_tenant(session, "steel", "steel", "steel")
        scope = access_tenant(job_principal(session, "job", Role.ANALYST), "steel", Permission.INGEST)
        upsert_signals(session, scope, "opc", specs)

    def paths(**wanted: str) -> set[str]:
        with ordered.session() as session:
            # By the index, where there is one: a small table would be looked through.
            session.execute(text("SET LOCAL enable_seqscan = off"))
            return {one.path for one in search_signals(session, scope, SignalSearch(**wanted))}

    every = {one.path for one in specs}
    for term in ("温度", "轴承温度", "轴", "度 入口", "承温 x", "轴承温度 l1"):
        assert paths(terms=term) == {one for one in every if "l1" not in term or "L1" in one}, term
    assert paths(terms="压力") == set()
    assert paths(line="S/A/L1") == {one for one in every if one.startswith("S/A/L1/")}
    special = {one.path for one in specs if f"{one.semantic}.".startswith("pressure.")}
    assert paths(kind="pressure") == special
