from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.alarms import RuleRefused, RuleSpec, change_rule, list_rules, rules
from tundish_platform.assets import (
    AssetChange,
    Declared,
    SignalRefused,
    TypeSpec,
    change_asset,
    give_type,
    list_assets,
    list_signals,
    save_type,
    upsert_signals,
)
from tundish_platform.planning import Change, build, draft_of_instance, draft_of_kit, preview
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.samples.kits import kit, kits
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from tundish_platform.planning import Outcome
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
BENCH = kit("hydraulic-bench")


@pytest.fixture
def scope(metadata: Metadata) -> TenantScope:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        return access_tenant(job_principal(session, "eng", Role.OWNER), "steel", Permission.CONFIGURE)


@pytest.fixture
def collector(metadata: Metadata, scope: TenantScope) -> TenantScope:
    with metadata.session() as session:
        return access_tenant(job_principal(session, "opc", Role.COLLECTOR), scope.slug, Permission.INGEST)


def changes(outcome: Outcome) -> set[Change]:
    return {one.change for one in (*outcome.assets, *outcome.signals, *outcome.rules)}


def test_a_kit_makes_a_whole_line_and_nothing_twice(metadata: Metadata, scope: TenantScope) -> None:
    draft = draft_of_kit(BENCH)
    with metadata.session() as session:
        seen = preview(session, scope, draft)
        assert list_signals(session, scope) == []
    with metadata.session() as session:
        assert build(session, scope, draft, NOW) == seen
        assert changes(seen) == {Change.NEW}
    with metadata.session() as session:
        signals = {signal.path: signal for signal in list_signals(session, scope)}
        assert [signals[spec.path].model_dump(exclude={"id", "source"}) for spec in draft.signals] == [
            spec.model_dump() for spec in draft.signals
        ]
        tree = {asset.path: asset for asset in list_assets(session, scope)}
        assert tree["SY-Site/CylinderShop/CYL1"].name_zh == "液压试验台"
        assert tree["SY-Site/CylinderShop/CYL1/HPU1/Pump"].name_en == "Main pump"
        made = list_rules(session, scope)
        assert len(made) == len(BENCH.rules) == 3
        again = build(session, scope, draft, NOW)
        assert changes(again) == {Change.KEPT}
        assert again.nothing_to_do
        assert list_rules(session, scope) == made
        assert len(list_signals(session, scope)) == len(BENCH.signals)


def test_every_kit_can_be_built_side_by_side_and_elsewhere(metadata: Metadata, scope: TenantScope) -> None:
    with metadata.session() as session:
        for one in kits().values():
            build(session, scope, draft_of_kit(one), NOW)
        build(session, scope, draft_of_kit(BENCH, "A/B/C"), NOW)
        assert len(list_signals(session, scope)) == sum(len(k.signals) for k in kits().values()) + len(
            BENCH.signals
        )
        lines = {asset.path for asset in list_assets(session, scope) if asset.level == "line"}
    assert lines == {"A/B/C", *(one.line for one in kits().values())}


def test_what_sources_and_people_said_since_stands(
    metadata: Metadata, scope: TenantScope, collector: TenantScope
) -> None:
    draft = draft_of_kit(BENCH)
    with metadata.session() as session:
        told = draft.signals[0].model_copy(update={"high": 400.0})
        upsert_signals(session, collector, "opc", [told])
        node = next(a for a in list_assets(session, scope) if a.path.endswith("HPU1"))
        change_asset(session, scope, node.id, 1, AssetChange(name_zh="老泵站"), NOW)
        outcome = build(session, scope, draft, NOW)
        assert outcome.signals[0].change is Change.LEFT
        assert next(one for one in outcome.assets if one.path == node.path).change is Change.LEFT
        assert next(s for s in list_signals(session, scope) if s.path == told.path).high == 400.0
        rule = list_rules(session, scope)[0]
        tuned = RuleSpec.model_validate(
            {**rule.model_dump(include=set(RuleSpec.model_fields)), "threshold": 60.0}
        )
        change_rule(session, scope, rule.id, rule.version, tuned, NOW)
        assert build(session, scope, draft, NOW).rules[0].change is Change.LEFT
        assert list_rules(session, scope)[0].threshold == 60.0


def test_all_or_none(
    metadata: Metadata, scope: TenantScope, collector: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_RULES", 2)
    with pytest.raises(RuleRefused), metadata.session() as session:
        build(session, scope, draft_of_kit(BENCH), NOW)
    with metadata.session() as session:
        assert list_signals(session, scope) == []
        assert list_assets(session, scope) == []
        assert list_rules(session, scope) == []
        other = draft_of_kit(BENCH).signals[0].model_copy(update={"kind": SampleKind.TEXT})
        upsert_signals(
            session, collector, "kit:hydraulic-bench", [SignalSpec.model_validate(other.model_dump())]
        )
    with pytest.raises(SignalRefused), metadata.session() as session:
        build(session, scope, draft_of_kit(BENCH), NOW)


def test_only_who_may_configure_plans(metadata: Metadata, scope: TenantScope, collector: TenantScope) -> None:
    draft = draft_of_kit(BENCH)
    for one in (collector, scope.narrowed(frozenset({1}), scope.permissions)):
        with metadata.session() as session:
            with pytest.raises(AccessDenied):
                preview(session, one, draft)
            with pytest.raises(AccessDenied):
                build(session, one, draft, NOW)


def test_a_machine_gets_what_its_type_has_and_follows_a_new_version(
    metadata: Metadata, scope: TenantScope, collector: TenantScope
) -> None:
    names = {"name_zh": "泵", "name_en": "Pump"}
    signal = {"name_zh": "振动", "name_en": "Vibration", "semantic": "vibration.velocity.rms", "unit": "mm/s"}
    rule = {"signal": "Pump/V", "kind": "high", "threshold": 4.5, "name_zh": "振动大", "name_en": "Shakes"}

    def declared(threshold: float) -> TypeSpec:
        told = {"signals": {"Pump/V": signal}, "rules": {"shakes": {**rule, "threshold": threshold}}}
        return TypeSpec.model_validate({**names, **told})

    with metadata.session() as session:
        upsert_signals(
            session,
            collector,
            "opc",
            [SignalSpec(path="S/A/L/M/C/P", semantic="x", name_zh="x", name_en="x")],
        )
        machine = next(a for a in list_assets(session, scope) if a.path == "S/A/L/M")
        save_type(session, scope, "pump", declared(4.5), NOW)
        instance = give_type(session, scope, machine.id, 1, ("pump", None), Declared(), NOW)
        build(session, scope, draft_of_instance(instance), NOW)
        assert {s.path for s in list_signals(session, scope)} == {"S/A/L/M/C/P", "S/A/L/M/Pump/V"}
        assert [one.threshold for one in list_rules(session, scope)] == [4.5]
        save_type(session, scope, "pump", declared(5.0), NOW)
        instance = give_type(session, scope, machine.id, 2, ("pump", None), Declared(), NOW)
        assert build(session, scope, draft_of_instance(instance), NOW).rules[0].change is Change.CHANGED
        assert [one.threshold for one in list_rules(session, scope)] == [5.0]
        own = Declared.model_validate({"rules": {"shakes": {"threshold": 7.0}}})
        instance = give_type(session, scope, machine.id, 3, ("pump", 1), own, NOW)
        build(session, scope, draft_of_instance(instance), NOW)
        assert [one.threshold for one in list_rules(session, scope)] == [7.0]
        assert build(session, scope, draft_of_instance(instance), NOW).nothing_to_do
