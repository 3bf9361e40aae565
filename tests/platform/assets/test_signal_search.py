from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import SignalSearch, search_signals, upsert_signals
from tundish_platform.assets.searchtext import MARK, indexed_term, normal, search_text
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from tundish_platform.tenancy.metadata import Metadata

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
