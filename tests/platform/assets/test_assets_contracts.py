"""What a contract promises is kept: what would break its readers is refused, or makes a version they see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tundish_platform.assets import (
    ContractBroken,
    ContractRefused,
    ContractSpec,
    SignalRefused,
    Term,
    UnknownContract,
    declare_contract,
    find_contract,
    list_contracts,
    upsert_signals,
)
from tundish_platform.assets.promises import differences
from tundish_platform.audit import entries_of
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PRESSURE = {"path": "S/A/L1/M/C/P", "unit": "bar", "semantic": "pressure", "period_s": 1.0}
FLOW = {"path": "S/A/L2/M/C/F", "unit": "L/min", "semantic": "flow"}


@pytest.fixture
def scopes(metadata: Metadata) -> dict[str, TenantScope]:
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, f"{slug} 厂", slug)
        opc, owner = job_principal(session, "opc", Role.ANALYST), job_principal(session, "eng", Role.OWNER)
    return {
        "steel": access_tenant(opc, "steel", Permission.INGEST),
        "power": access_tenant(opc, "power", Permission.INGEST),
        "owner": access_tenant(owner, "steel", Permission.MANAGE),
    }


def spec(*signals: dict[str, Any], source: str = "opc", new_version: bool = False) -> ContractSpec:
    return ContractSpec.model_validate({"source": source, "signals": signals, "new_version": new_version})


def signal(said: dict[str, Any]) -> SignalSpec:
    return SignalSpec.model_validate({"name_zh": "信号", "name_en": "Signal", **said})


def test_what_is_added_extends_a_version_and_what_breaks_makes_the_next_one_or_nothing(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        first = declare_contract(session, steel, "press", spec(PRESSURE), NOW)
        assert (first.version, first.revision) == (1, 1)
        assert declare_contract(session, steel, "press", spec(PRESSURE), NOW) == first
        wider = declare_contract(session, steel, "press", spec(PRESSURE | {"period_s": 0.5}, FLOW), NOW)
        assert (wider.version, wider.revision) == (1, 2)
        for breaking, field in (
            ([FLOW], "signal"), ([PRESSURE, FLOW], "period_s"), ([PRESSURE | {"unit": "Pa"}, FLOW], "unit"),
            ([PRESSURE | {"semantic": "pressure.gas", "period_s": 0.5}, FLOW], "semantic"),
            ([PRESSURE | {"kind": "text", "period_s": 0.5}, FLOW], "kind"),
        ):  # fmt: skip
            with pytest.raises(ContractBroken) as broken:
                declare_contract(session, steel, "press", spec(*breaking), NOW)
            assert field in {one.field for one in broken.value.broken}
        assert find_contract(session, steel, "press").revision == 2
        later = declare_contract(session, steel, "press", spec(PRESSURE, new_version=True), NOW)
        assert (later.version, later.revision) == (2, 1)
        old = find_contract(session, steel, "press", 1)
        assert (old.replaced_at, {term.path for term in old.signals}) == (
            NOW,
            {PRESSURE["path"], FLOW["path"]},
        )
        assert [one.version for one in list_contracts(session, steel)] == [2]
        actions = [(entry.action, entry.subject) for entry in entries_of(session, scopes["owner"])]
    assert actions == [
        ("contract.new_version", "press v2.1"), ("contract.extended", "press v1.2"),
        ("contract.declared", "press v1.1"),
    ]  # fmt: skip


def test_a_source_cannot_break_what_it_promised_and_can_after_a_new_version(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    promised = [PRESSURE, FLOW]
    with metadata.session() as session:
        declare_contract(session, steel, "press", spec(*promised), NOW)
        upsert_signals(session, steel, "opc", [signal(one) for one in promised])
        # A better name and more samples are no breach.
        upsert_signals(session, steel, "opc", [signal(PRESSURE | {"name_en": "Main", "period_s": 0.1})])
    for breach in ({"unit": "Pa"}, {"semantic": "pressure.gas"}, {"period_s": 2.0}, {"period_s": None}):
        with pytest.raises(SignalRefused, match="press v1"), metadata.session() as session:
            upsert_signals(session, steel, "opc", [signal(FLOW | {"high": 9}), signal(PRESSURE | breach)])
    with metadata.session() as session:
        upsert_signals(session, scopes["power"], "opc", [signal(PRESSURE | {"unit": "Pa"})])
        changed = PRESSURE | {"unit": "Pa"}
        declare_contract(session, steel, "press", spec(changed, FLOW, new_version=True), NOW)
        (unmet,) = find_contract(session, steel, "press").unmet
        assert (unmet.path, unmet.promised, unmet.is_now) == (PRESSURE["path"], "Pa", "bar")
        upsert_signals(session, steel, "opc", [signal(changed)])
        assert find_contract(session, steel, "press").unmet == []


def test_a_signal_has_one_contract_and_a_contract_one_source(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        declare_contract(session, steel, "press", spec(PRESSURE), NOW)
        upsert_signals(session, steel, "opc", [signal(FLOW)])
        for name, wrong in (
            ("other", spec(PRESSURE)), ("press", spec(PRESSURE, source="files")),
            ("other", spec(FLOW, FLOW)), ("other", spec(FLOW | {"kind": "text"})),
        ):  # fmt: skip
            with pytest.raises(ContractRefused):
                declare_contract(session, steel, name, wrong, NOW)
        declare_contract(session, scopes["power"], "other", spec(PRESSURE), NOW)
        assert [one.name for one in list_contracts(session, steel)] == ["press"]
        assert [one.name for one in list_contracts(session, steel, path=PRESSURE["path"])] == ["press"]
        assert list_contracts(session, steel, path=FLOW["path"]) == [], "raw"
        with pytest.raises(UnknownContract):
            find_contract(session, steel, "other")
        with pytest.raises(AccessDenied):
            declare_contract(session, scopes["owner"], "other", spec(FLOW), NOW)


def test_a_narrowed_scope_is_told_only_of_its_signals(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        ids = upsert_signals(session, steel, "opc", [signal(PRESSURE), signal(FLOW)])
        declare_contract(session, steel, "both", spec(PRESSURE, FLOW), NOW)
        other = FLOW | {"path": "S/A/L2/M/C/G"}
        declare_contract(session, steel, "other", spec(other), NOW)
        narrow = steel.narrowed(frozenset({ids[PRESSURE["path"]]}), steel.permissions)
        assert [one.name for one in list_contracts(session, narrow)] == ["both"]
        assert [term.path for term in find_contract(session, narrow, "both").signals] == [PRESSURE["path"]]
        assert list_contracts(session, narrow, path=FLOW["path"]) == []
        with pytest.raises(UnknownContract):
            find_contract(session, narrow, "other")


TERMS = st.builds(
    Term,
    path=st.just("S/A/L/M/C/P"),
    kind=st.sampled_from([SampleKind.NUMERIC, SampleKind.TEXT]),
    unit=st.sampled_from(["bar", "Pa"]),
    semantic=st.sampled_from(["a", "b"]),
    period_s=st.none() | st.floats(0.1, 10),
)


@settings(deadline=None)
@given(first=TERMS, second=TERMS, third=TERMS)
def test_what_breaks_nobody_can_be_done_again_and_again(first: Term, second: Term, third: Term) -> None:
    assert differences(first, first) == []
    if not differences(first, second) and not differences(second, third):
        assert differences(first, third) == []


@pytest.mark.parametrize(
    "wrong", [{"period_s": 0}, {"period_s": float("inf")}, {"kind": "gap"}, {"path": ""}, {"surprise": 1}]
)
def test_a_term_that_nobody_can_keep_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(PRESSURE | wrong)
