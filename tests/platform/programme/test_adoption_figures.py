"""Assessments on both databases: figures follow from evidence, which replays; small cells stay shut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tundish_platform.programme import (
    Activity,
    AppUse,
    EvidenceRecord,
    InvalidUscc,
    adoption,
    assess,
    enterprise_of,
    enterprises,
    evidence,
    is_assessed,
    published_rules,
    register_enterprise,
    replays,
)
from tundish_platform.programme.facts import MINUTES
from tundish_platform.samples import SignalInfo
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.programme import Adoption
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
RULE = published_rules()["demo-2026.1"]
CODES = ["91999900TD0000017U", "91999900TD0000025N", "91999900TD0000033H"]
ANHE = "91999900TD00001210"


def sending(now: datetime = NOW) -> Activity:
    stamps = [now.replace(second=0) - timedelta(minutes=b) for b in range(1, 10)]
    table = pa.table(
        [pa.array([1] * 9, pa.uint32()), pa.array(stamps, MINUTES.field("minute").type)], schema=MINUTES
    )
    known = SignalInfo(
        id=1, path="S/A/L/M/C/P", source="opcua-1", name_zh="压", name_en="p", semantic="pressure.x"
    )
    uses = tuple(AppUse(stamp, frozenset({1})) for stamp in stamps)
    return Activity((known,), frozenset({"opcua-1"}), table, subscriptions=1, uses=uses)


@pytest.fixture
def tenants(metadata: Metadata) -> list[int]:
    """Three enterprises with tenants, one registered without."""
    numbers = []
    with metadata.session() as session:
        for place, code in enumerate(CODES):
            tenant = create_tenant(session, f"plant-{place}", "厂", "Plant")
            register_enterprise(
                session, uscc=code, name_zh="厂(演示)", name_en="Plant (demo)", industry="C3444",
                region="431302", demo=True, tenant_id=tenant.id,
            )  # fmt: skip
            numbers.append(tenant.id)
        register_enterprise(
            session, uscc=ANHE, name_zh="安和铸造(演示)", name_en="Anhe Casting (demo)", industry="C3393",
            region="431321", demo=True,
        )  # fmt: skip
    return numbers


def counted(figures: Adoption) -> dict[str, tuple[int, int]]:
    return {stage.stage: (stage.current, stage.ever) for stage in figures.stages}


def assessed(
    session: Session, activities: dict[int, Activity], now: datetime = NOW
) -> dict[str, tuple[int, int]]:
    assess(session, RULE, activities, now)
    return counted(adoption(session, RULE))


def test_without_data_nobody_is_on_the_cloud(metadata: Metadata, tenants: list[int]) -> None:
    with metadata.session() as session:
        figures = assessed(session, {number: Activity() for number in tenants})
    assert figures == {"registered": (4, 4), "on_cloud": (0, 0), "on_platform": (0, 0)}


def test_data_of_one_tenant_count_one(metadata: Metadata, tenants: list[int]) -> None:
    with metadata.session() as session:
        figures = assessed(session, {tenants[1]: sending()})
        stages = {e.uscc: (evidence(session, e, RULE) or {})["stage"] for e in enterprises(session)}
    assert figures == {"registered": (4, 4), "on_cloud": (1, 1), "on_platform": (1, 1)}
    assert stages == {
        CODES[0]: "registered",
        CODES[1]: "on_platform",
        CODES[2]: "registered",
        ANHE: "registered",
    }


def test_an_enterprise_without_a_tenant_is_never_counted(metadata: Metadata, tenants: list[int]) -> None:
    everywhere = {number: sending() for number in (0, *tenants)}
    with metadata.session() as session:
        figures = assessed(session, everywhere)
    assert figures["on_cloud"] == (3, 3)


def test_every_counted_enterprise_opens_to_evidence_that_replays(
    metadata: Metadata, tenants: list[int]
) -> None:
    with metadata.session() as session:
        assess(session, RULE, {tenants[0]: sending()}, NOW)
        enterprise = enterprise_of(session, CODES[0].lower())
        assert enterprise is not None
        shown = evidence(session, enterprise, RULE)
    assert shown is not None
    assert (shown["stage"], shown["rule_version"], shown["replays"]) == ("on_platform", RULE.version, True)
    assert shown["as_of"] == NOW.replace(second=0)
    assert all(check["held"] for check in shown["checks"])
    assert len(shown["facts_hash"]) == 64


def test_evidence_that_was_tampered_with_does_not_replay(metadata: Metadata, tenants: list[int]) -> None:
    with metadata.session() as session:
        (record, *_) = assess(session, RULE, {tenants[0]: sending()}, NOW)
        assert replays(record)
        better = {**record.facts["windows"][0], "machines": 99}
        record.facts = {**record.facts, "windows": [better, *record.facts["windows"][1:]]}
        assert not replays(record)


def test_who_stops_sending_leaves_the_current_count_but_not_the_one_of_ever(
    metadata: Metadata, tenants: list[int]
) -> None:
    with metadata.session() as session:
        assessed(session, {tenants[0]: sending()})
        later = assessed(session, {tenants[0]: sending()}, NOW + timedelta(hours=2))
    assert later == {"registered": (4, 4), "on_cloud": (0, 1), "on_platform": (0, 1)}


def test_assessing_twice_in_one_bin_adds_nothing(metadata: Metadata, tenants: list[int]) -> None:
    with metadata.session() as session:
        assert not is_assessed(session, RULE, NOW)
        assess(session, RULE, {tenants[0]: sending()}, NOW)
        assess(session, RULE, {}, NOW + timedelta(seconds=10))
        assert is_assessed(session, RULE, NOW + timedelta(seconds=10))
        assert not is_assessed(session, RULE, NOW + timedelta(seconds=60))
        assert session.query(EvidenceRecord).count() == 4
        assert counted(adoption(session, RULE))["on_platform"] == (1, 1)


def test_a_long_stretch_keeps_its_first_and_newest_record(metadata: Metadata, tenants: list[int]) -> None:
    with metadata.session() as session:
        for minute in range(30):
            now = NOW + timedelta(minutes=minute)
            assess(session, RULE, {tenants[0]: sending(now)}, now)
        enterprise = enterprise_of(session, CODES[0])
        assert enterprise is not None
        shown = evidence(session, enterprise, RULE)
        kept = session.query(EvidenceRecord).where(EvidenceRecord.enterprise_id == enterprise.id).count()
    assert kept == 2
    assert shown is not None
    assert shown["as_of"] - shown["since"] == timedelta(minutes=29)


def test_registering_again_updates_and_a_wrong_entry_is_refused(
    metadata: Metadata, tenants: list[int]
) -> None:
    entry = {"name_zh": "厂", "name_en": "P", "industry": "C3444", "region": "431302", "demo": True}
    with metadata.session() as session:
        register_enterprise(session, uscc=CODES[0], tenant_id=tenants[0], **{**entry, "region": "430211"})
        assert [e.region for e in enterprises(session)].count("430211") == 1
        assert len(enterprises(session)) == 4
        with pytest.raises(InvalidUscc):
            register_enterprise(session, uscc=CODES[0][:-1] + "0", **entry)
        with pytest.raises(ValueError, match="industry"):
            register_enterprise(session, uscc=CODES[0], **{**entry, "industry": "hydraulics"})


def test_the_demo_with_its_four_enterprises_shows_no_cell(metadata: Metadata, tenants: list[int]) -> None:
    with metadata.session() as session:
        assess(session, RULE, {tenants[0]: sending()}, NOW)
        figures = adoption(session, RULE)
    assert (figures.enterprises, figures.demo_enterprises, figures.demo_rule) == (4, 4, True)
    assert all(cell.suppressed for cell in (*figures.by_region, *figures.by_industry))
