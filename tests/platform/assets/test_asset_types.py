from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tundish_platform.assets import (
    AssetChanged,
    AssetSpec,
    Declared,
    TypeRefused,
    TypeSpec,
    UnknownType,
    create_asset,
    find_instance,
    find_type,
    give_type,
    list_types,
    save_type,
)
from tundish_platform.assets.typespec import resolve
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PRESSURE = {
    "name_zh": "压力",
    "name_en": "Pressure",
    "semantic": "pressure.hydraulic",
    "unit": "bar",
    "high": 250,
}
MACHINE = {
    "name_zh": "机器", "name_en": "Machine",
    "attributes": {"maker": {"name_zh": "制造商", "name_en": "Maker", "value": "?"}},
    "signals": {"Circuit/Pressure": PRESSURE},
}  # fmt: skip
PUMP = {
    "base": "machine", "name_zh": "泵", "name_en": "Pump",
    "signals": {
        "Circuit/Pressure": {"high": 315},
        "Pump/Vibration": {
            "name_zh": "振动", "name_en": "Vibration", "semantic": "vibration.velocity.rms", "unit": "mm/s",
        },
    },
    "rules": {
        "shakes": {
            "signal": "Pump/Vibration", "kind": "high", "threshold": 4.5,
            "name_zh": "振动大", "name_en": "Shakes",
        }
    },
}  # fmt: skip


@pytest.fixture
def scope(metadata: Metadata) -> TenantScope:
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, slug, slug)
        return access_tenant(job_principal(session, "eng", Role.OWNER), "steel", Permission.CONFIGURE)


def save(session: Session, scope: TenantScope, key: str, **spec: object) -> int:
    return save_type(session, scope, key, TypeSpec.model_validate(spec), NOW).version


def test_a_child_inherits_overrides_and_says_from_where(metadata: Metadata, scope: TenantScope) -> None:
    with metadata.session() as session:
        save(session, scope, "machine", **MACHINE)
        save(session, scope, "pump", **PUMP)
    with metadata.session() as session:
        pump = find_type(session, scope, "pump")
    pressure = pump.resolved.signals["Circuit/Pressure"]
    assert (pressure.fields["high"], pressure.fields["unit"]) == (315, "bar")
    assert (pressure.origin["high"], pressure.origin["unit"]) == ("pump@1", "machine@1")
    assert set(pump.resolved.signals) == {"Circuit/Pressure", "Pump/Vibration"}
    assert pump.resolved.attributes["maker"].origin["value"] == "machine@1"
    assert pump.declared.signals["Circuit/Pressure"].unit is None


def test_versions_never_change_their_meaning(metadata: Metadata, scope: TenantScope) -> None:
    with metadata.session() as session:
        assert save(session, scope, "machine", **MACHINE) == 1
        assert save(session, scope, "pump", **PUMP) == 1
        assert save(session, scope, "machine", **MACHINE) == 1
        changed = {**MACHINE, "signals": {"Circuit/Pressure": {**PRESSURE, "unit": "MPa"}}}
        assert save(session, scope, "machine", **changed) == 2
        assert find_type(session, scope, "pump").resolved.signals["Circuit/Pressure"].fields["unit"] == "bar"
        assert (
            find_type(session, scope, "machine", 1).resolved.signals["Circuit/Pressure"].fields["unit"]
            == "bar"
        )
        # The same words again mean something else now, because the base does.
        assert save(session, scope, "pump", **PUMP) == 2
        assert find_type(session, scope, "pump").base == ("machine", 2)
        assert find_type(session, scope, "pump").resolved.signals["Circuit/Pressure"].fields["unit"] == "MPa"
        listed = list_types(session, scope)
        assert [(one.key, one.version) for one in listed] == [("machine", 2), ("pump", 2)]
        assert [one.key for one in list_types(session, scope, after="machine", limit=1)] == ["pump"]


def test_what_does_not_hold_together_is_refused(metadata: Metadata, scope: TenantScope) -> None:
    names = {"name_zh": "x", "name_en": "x"}
    with metadata.session() as session:
        save(session, scope, "machine", **MACHINE)
        save(session, scope, "kind", base="machine", **names)
        for wrong in (
            {"signals": {"C/P": names}},
            {"signals": {"Circuit/Pressure": {"kind": "text"}}, "base": "machine"},
            {"rules": {"r": {"signal": "No/Such", "kind": "high", "threshold": 1, **names}}},
            {"rules": {"r": {"signal": "Circuit/Pressure", "kind": "high"}}, "base": "machine"},
            {"base": "kind"},
        ):
            with pytest.raises(TypeRefused):
                save(session, scope, "kind", **names, **wrong)
        assert find_type(session, scope, "kind").version == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"signals": {"C/P": {**PRESSURE, "unit": "furlong"}}},
        {"signals": {"/P": PRESSURE}},
        {"signals": {"C/P": {**PRESSURE, "semantic": "Pressure!"}}},
        {"attributes": {"Maker": {"value": 1}}},
        {"base": "no good"},
        {"surprise": 1},
    ],
)
def test_a_type_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeSpec.model_validate({"name_zh": "x", "name_en": "x", **wrong})


def test_inheritance_is_bounded_and_bases_must_exist(metadata: Metadata, scope: TenantScope) -> None:
    names = {"name_zh": "x", "name_en": "x"}
    with metadata.session() as session:
        with pytest.raises(UnknownType):
            save(session, scope, "pump", **PUMP)
        save(session, scope, "t0", **names)
        for n in range(1, 8):
            save(session, scope, f"t{n}", base=f"t{n - 1}", **names)
        with pytest.raises(TypeRefused, match="8 levels"):
            save(session, scope, "t8", base="t7", **names)


def test_an_instance_shows_what_it_overrides(metadata: Metadata, scope: TenantScope) -> None:
    overrides = Declared.model_validate(
        {
            "attributes": {"maker": {"value": "泵厂"}},
            "rules": {"shakes": {"threshold": 6.0}},
            "signals": {"Extra/Flow": {**PRESSURE, "unit": "L/min", "semantic": "flow.hydraulic"}},
        }
    )
    with metadata.session() as session:
        save(session, scope, "machine", **MACHINE)
        save(session, scope, "pump", **PUMP)
        site = create_asset(session, scope, AssetSpec(code="S", name_zh="s", name_en="s"), NOW)
        with pytest.raises(UnknownType):
            find_instance(session, scope, site.id)
        give_type(session, scope, site.id, 1, ("pump", None), overrides, NOW)
        with pytest.raises(AssetChanged):
            give_type(session, scope, site.id, 1, ("pump", None), overrides, NOW)
    with metadata.session() as session:
        held = find_instance(session, scope, site.id)
    assert (held.type, held.type_version) == ("pump", 1)
    assert set(held.overridden) == {"maker", "shakes", "Extra/Flow"}
    rule = held.resolved.rules["shakes"]
    assert (rule.fields["threshold"], rule.origin["threshold"]) == (6.0, "instance")
    assert rule.origin["kind"] == "pump@1"
    assert [spec.path for spec in held.resolved.specs("S")] == [
        "S/Circuit/Pressure", "S/Pump/Vibration", "S/Extra/Flow",
    ]  # fmt: skip


def test_types_are_a_tenants_own(metadata: Metadata, scope: TenantScope) -> None:
    with metadata.session() as session:
        power = access_tenant(job_principal(session, "eng", Role.OWNER), "power", Permission.CONFIGURE)
        save(session, scope, "machine", **MACHINE)
        with pytest.raises(UnknownType):
            find_type(session, power, "machine")
        assert list_types(session, power) == []
        viewer = scope.narrowed(frozenset({1}), scope.permissions)
        with pytest.raises(AccessDenied):
            save(session, viewer, "other", **MACHINE)


FIELD = st.sampled_from(["low", "high", "period_s"])
LAYER = st.dictionaries(
    st.sampled_from(["A", "B/C"]), st.dictionaries(FIELD, st.floats(1, 9), max_size=3), max_size=2
)


@given(st.lists(LAYER, max_size=4))
def test_the_last_who_says_a_field_wins_whatever_the_others_say(
    layers: list[dict[str, dict[str, float]]],
) -> None:
    base = {path: {"name_zh": "x", "name_en": "x", "semantic": "x"} for path in ("A", "B/C")}
    said = [("t0", base)] + [(f"t{n}", layer) for n, layer in enumerate(layers, start=1)]
    found = resolve([(who, Declared.model_validate({"signals": one})) for who, one in said])
    for path, entry in found.signals.items():
        for name, who in entry.origin.items():
            last = [(w, one[path][name]) for w, one in said if name in one.get(path, {})][-1]
            assert (who, entry.fields[name]) == last
