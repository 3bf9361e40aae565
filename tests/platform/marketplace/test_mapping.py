"""Confirmed mappings on both databases: grants follow them, changed signals fall out, nothing is foreign."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from sqlalchemy import delete, select

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.assets.models import Signal
from tundish_platform.audit import entries_of
from tundish_platform.marketplace import (
    App,
    Catalogue,
    GrantRefused,
    MappingRefused,
    MissingInputs,
    Standing,
    changes_of,
    choice_for,
    confirm,
    confirmed,
    give_grant,
    grant_signals,
    subscribe,
    subscription_of,
    withdraw_grant,
)
from tundish_platform.marketplace.boundary import inputs_of
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.models import Grant
from tundish_platform.samples import SCHEMAS, SampleKind, SignalSpec
from tundish_platform.sdk import Need
from tundish_platform.sdk.wire import decode_inputs, encode_inputs
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.marketplace import Choice
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk import AppInputs
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
QUIET = "return AppOutputs()"


def spec(path: str, semantic: str = "pressure.hydraulic", unit: str = "MPa") -> SignalSpec:
    return SignalSpec(path=f"S/A/{path}", name_zh="压力", name_en="Pressure", semantic=semantic, unit=unit)


SPECS = [
    spec("L1/M1/C/P"),
    spec("L2/M1/C/P"),
    spec("L1/M1/C/X", "unknown"),
    spec("L1/M1/C/T", "temperature.oil", "Cel"),
]


@pytest.fixture
def plant(metadata: Metadata) -> TenantScope:
    return tenant(metadata, "plant-a")


@pytest.fixture
def neighbour(metadata: Metadata) -> TenantScope:
    return tenant(metadata, "plant-b")


@pytest.fixture
def catalogue(make_app: Callable[..., App]) -> Catalogue:
    """One app with an input in bar and an optional one."""
    app = make_app(QUIET)
    first = app.manifest.inputs[0].model_copy(update={"unit": "bar"})
    extra = first.model_copy(update={"key": "extra", "semantic": "flow.x", "need": Need.OPTIONAL, "unit": ""})
    manifest = app.manifest.model_copy(update={"inputs": (first, extra)})
    return Catalogue({"probe": replace(app, manifest=manifest)})


def tenant(metadata: Metadata, slug: str) -> TenantScope:
    with metadata.session() as session:
        made = create_tenant(session, slug, slug, slug)
        roles = frozenset({Role.OWNER, Role.ANALYST})
        scope = access_tenant(
            Principal(1, f"owner of {slug}", {slug: (made.id, roles)}), slug, Permission.SUBSCRIBE
        )
        upsert_signals(session, scope, "opc", SPECS)
    return scope


def choose(metadata: Metadata, scope: TenantScope, catalogue: Catalogue, **inputs: list[int]) -> Choice:
    with metadata.session() as session:
        signals = list_signals(session, scope)
        return confirm(session, scope, catalogue.app("probe").manifest, inputs, signals, NOW)


def start(metadata: Metadata, scope: TenantScope, catalogue: Catalogue) -> tuple[int, ...]:
    with metadata.session() as session:
        return subscribe(session, scope, catalogue, "probe", list_signals(session, scope)).signals


def numbers(metadata: Metadata, scope: TenantScope) -> dict[str, int]:
    with metadata.session() as session:
        return {s.path.removeprefix("S/A/"): s.id for s in list_signals(session, scope)}


def test_without_a_mapping_what_fits_is_granted_and_with_one_what_was_confirmed(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, catalogue: Catalogue
) -> None:
    ids = numbers(metadata, plant)
    choose(metadata, plant, catalogue, any=[ids["L2/M1/C/P"], ids["L1/M1/C/X"]])
    assert set(start(metadata, plant, catalogue)) == {ids["L2/M1/C/P"], ids["L1/M1/C/X"]}
    theirs = numbers(metadata, neighbour)
    assert set(start(metadata, neighbour, catalogue)) == {theirs["L1/M1/C/P"], theirs["L2/M1/C/P"]}
    with metadata.session() as session:
        assert subscription_of(session, neighbour, "probe").inputs is None
        assert subscription_of(session, plant, "probe").inputs == {
            "any": (ids["L1/M1/C/X"], ids["L2/M1/C/P"])
        }
        assert confirmed(session, neighbour, "probe") == []


def test_a_new_choice_moves_the_grants_of_this_tenant_only_and_stands_in_the_audit_trail(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, catalogue: Catalogue
) -> None:
    ids = numbers(metadata, plant)
    for scope in (plant, neighbour):
        choose(metadata, scope, catalogue, any=[ids["L1/M1/C/P"]])
        start(metadata, scope, catalogue)
    choose(metadata, plant, catalogue, any=[ids["L2/M1/C/P"]])
    choose(metadata, neighbour, catalogue, any=[ids["L1/M1/C/X"]])
    with metadata.session() as session:
        assert grant_signals(session, plant, "probe") == {ids["L2/M1/C/P"]}
        assert grant_signals(session, neighbour, "probe") == {ids["L1/M1/C/X"]}
        assert [one.signal for one in confirmed(session, plant, "probe")] == [ids["L2/M1/C/P"]]
        assert [one.signal for one in confirmed(session, neighbour, "probe")] == [ids["L1/M1/C/X"]]
        newest = entries_of(session, plant)[0]
        (who,) = {one.by for one in confirmed(session, plant, "probe")}
    assert (newest.action, newest.subject, newest.actor) == ("mapping.confirmed", "probe", "owner of plant-a")
    assert newest.detail is not None
    assert json.loads(newest.detail) == {
        "inputs": {"any": [ids["L2/M1/C/P"]]}, "before": {"any": [ids["L1/M1/C/P"]]},
    }  # fmt: skip
    assert who == "owner of plant-a"


def test_a_new_choice_says_who_moved_which_grants_in_the_history_of_this_subscription_alone(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, catalogue: Catalogue
) -> None:
    ids = numbers(metadata, plant)
    held, new = ids["L1/M1/C/P"], ids["L2/M1/C/P"]
    for scope in (plant, neighbour):
        choose(metadata, scope, catalogue, any=[held])
        start(metadata, scope, catalogue)
    choose(metadata, plant, catalogue, any=[new])
    with metadata.session() as session:
        mine, theirs = (changes_of(session, scope, "probe") for scope in (plant, neighbour))
        gone = select(Grant).where(Grant.tenant_id == plant.tenant_id, Grant.signal_id == held)
        (withdrawn,) = session.scalars(gone)
        assert grant_signals(session, neighbour, "probe") == {held}
    assert [(one.act, one.by, one.detail) for one in mine[:2]] == [
        ("grant_given", "owner of plant-a", {"signals": [new]}),
        ("grant_withdrawn", "owner of plant-a", {"signals": [held]}),
    ]
    assert [one.act for one in theirs] == ["started"]
    assert (withdrawn.withdrawn_at, withdrawn.withdrawn_by) == (NOW, "owner of plant-a")


def test_a_single_grant_is_of_what_was_confirmed_whatever_else_would_fit(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, catalogue: Catalogue
) -> None:
    ids = numbers(metadata, plant)
    other, overruled = ids["L1/M1/C/P"], ids["L1/M1/C/X"]
    choose(metadata, plant, catalogue, any=[overruled])
    for scope in (plant, neighbour):
        start(metadata, scope, catalogue)
    with metadata.session() as session:
        by_id = {signal.id: signal for signal in list_signals(session, plant)}
        withdraw_grant(session, plant, "probe", overruled)
        assert give_grant(session, plant, catalogue, "probe", by_id[overruled]).signals == (overruled,)
        with pytest.raises(GrantRefused):
            give_grant(session, plant, catalogue, "probe", by_id[other])
        # Where nobody confirmed anything, what fits may be given, and nothing else.
        withdraw_grant(session, neighbour, "probe", other)
        assert other in give_grant(session, neighbour, catalogue, "probe", by_id[other]).signals
        with pytest.raises(GrantRefused):
            give_grant(session, neighbour, catalogue, "probe", by_id[overruled])


def test_a_signal_that_changed_or_is_gone_says_so_and_the_app_misses_it(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, catalogue: Catalogue
) -> None:
    ids = numbers(metadata, plant)
    both = [ids["L1/M1/C/P"], ids["L2/M1/C/P"]]
    for scope in (plant, neighbour):
        choose(metadata, scope, catalogue, any=both)
        start(metadata, scope, catalogue)
    with metadata.session() as session:
        upsert_signals(session, plant, "opc", [spec("L1/M1/C/P", unit="kPa")])
        session.execute(
            delete(Signal).where(Signal.tenant_id == plant.tenant_id, Signal.id == ids["L2/M1/C/P"])
        )
    with metadata.session() as session:
        found = {one.path: (one.standing, one.changed) for one in confirmed(session, plant, "probe")}
        assert found == {
            "S/A/L1/M1/C/P": (Standing.CHANGED, ("unit",)), "S/A/L2/M1/C/P": (Standing.GONE, ()),
        }  # fmt: skip
        view = subscription_of(session, plant, "probe")
        assert view.inputs == {"any": ()}
        choice = choice_for(
            session, plant, catalogue.app("probe").manifest, stock_of(list_signals(session, plant))
        )
        assert (choice.missing, choice.signals) == (("any",), ())
        assert given(catalogue, list_signals(session, plant), view.inputs).missing() == ("any",)
        theirs = {one.standing for one in confirmed(session, neighbour, "probe")}
        assert theirs == {Standing.AS_CONFIRMED}


def given(
    catalogue: Catalogue, signals: list[SignalInfo], mapping: dict[str, tuple[int, ...]] | None
) -> AppInputs:
    """A window of two samples per signal, through the bytes that the sandbox gets."""
    kept = tuple(s for s in signals if mapping is None or s.id in {n for m in mapping.values() for n in m})
    rows = [(s.id, NOW, 1.5, 0) for s in kept]
    schema = SCHEMAS[SampleKind.NUMERIC]
    columns = list(zip(*rows, strict=True)) or [()] * 4
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    made = inputs_of(
        catalogue.app("probe").manifest, (NOW, NOW), kept, {SampleKind.NUMERIC: table}, {}, mapping
    )
    return decode_inputs(encode_inputs(made))


def test_an_app_finds_what_was_confirmed_whatever_its_kind_in_the_unit_it_asks_for(
    metadata: Metadata, plant: TenantScope, catalogue: Catalogue
) -> None:
    ids = numbers(metadata, plant)
    with metadata.session() as session:
        signals = list_signals(session, plant)
    inputs = given(catalogue, signals, {"any": (ids["L1/M1/C/X"],), "extra": (ids["L1/M1/C/T"],)})
    (pressure,) = inputs.found("any")
    assert (pressure.id, pressure.unit) == (ids["L1/M1/C/X"], "bar")
    assert inputs.good(pressure)[1].tolist() == pytest.approx([15.0])
    (extra,) = inputs.found("extra")
    assert (extra.unit, inputs.good(extra)[1].tolist()) == ("Cel", [1.5])
    fitting = given(catalogue, signals, None)
    assert {s.path for s in fitting.found("any")} == {"S/A/L1/M1/C/P", "S/A/L2/M1/C/P"}
    assert {s.unit for s in fitting.found("any")} == {"bar"}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"any": ["L1/M1/C/T"]}, "what does not fit: unit"),
        ({"nothing": ["L1/M1/C/P"]}, "no input nothing"),
        ({"any": []}, "at least one"),
        ({"any": [404]}, "no signal 404"),
        ({"any": range(1, 502)}, "At most 500"),
    ],
)
def test_what_cannot_serve_is_refused_with_words_and_nothing_changes(
    metadata: Metadata, plant: TenantScope, catalogue: Catalogue, wish: dict[str, list], words: str
) -> None:
    ids = numbers(metadata, plant)
    choose(metadata, plant, catalogue, any=[ids["L1/M1/C/P"]])
    asked = {key: [ids.get(one, one) for one in some] for key, some in wish.items()}
    with pytest.raises(MappingRefused, match=words) as refused:
        choose(metadata, plant, catalogue, **asked)
    assert refused.value.message_zh
    with metadata.session() as session:
        assert [one.signal for one in confirmed(session, plant, "probe")] == [ids["L1/M1/C/P"]]


def test_only_who_may_subscribe_may_confirm(
    metadata: Metadata, plant: TenantScope, catalogue: Catalogue
) -> None:
    reader = access_tenant(
        Principal(2, "reader", {"plant-a": (plant.tenant_id, frozenset({Role.VIEWER}))}), "plant-a",
        Permission.READ,
    )  # fmt: skip
    with pytest.raises(AccessDenied):
        choose(metadata, reader, catalogue, any=[1])


def test_a_mapping_that_lacks_what_the_app_needs_refuses_the_subscription(
    metadata: Metadata, plant: TenantScope, catalogue: Catalogue
) -> None:
    choose(metadata, plant, catalogue, extra=[numbers(metadata, plant)["L1/M1/C/T"]])
    with pytest.raises(MissingInputs, match="any"):
        start(metadata, plant, catalogue)
