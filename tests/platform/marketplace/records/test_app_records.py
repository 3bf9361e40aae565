"""Records reach an app by consent only: its own tenant's, kind and fields agreed to, until withdrawn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.assets.models import Asset, Source
from tundish_platform.marketplace import NotSubscribed, stop, subscribe, subscription_of
from tundish_platform.marketplace.records import (
    UnknownKind,
    answer,
    consent_to,
    consents,
    records_scope,
    sheets,
)
from tundish_platform.products.models import Origin, Product, Stay
from tundish_platform.records import Reading, read_records
from tundish_platform.records.products import product_events
from tundish_platform.sdk import RecordKind
from tundish_platform.sdk.questionnaire import AnswerRefused
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from conftest import House
    from sqlalchemy.orm import Session

OF_TENANT = [kind for kind in RecordKind if kind is not RecordKind.PEERS]


def read(house: House, session: Session, slug: str, kind: RecordKind) -> list[dict[str, object]]:
    narrowed, agreed = records_scope(session, house.scopes[slug], "reader", kind)
    wish = house.manifest.wish(kind)
    assert wish is not None
    found: list[dict[str, object]] = read_records(
        session, narrowed, Reading("reader", wish, house.now + timedelta(minutes=1)), agreed.fields
    ).to_pylist()
    return found


def agree(house: House, session: Session, slug: str, *kinds: RecordKind) -> None:
    consent_to(session, house.scopes[slug], house.manifest, kinds)


@pytest.mark.parametrize("kind", OF_TENANT)
def test_a_kind_is_read_by_consent_and_holds_the_own_tenant_only(house: House, kind: RecordKind) -> None:
    with house.metadata.session() as session:
        for slug, choice in (("steel", "yes"), ("power", "no")):
            answer(session, house.scopes[slug], "reader", house.questions, {"q": choice})
        with pytest.raises(UnknownKind):
            read(house, session, "steel", kind)
        agree(house, session, "steel", kind)
        rows = read(house, session, "steel", kind)
        assert rows
        assert "power" not in str(rows)
        assert [row["answer"] for row in rows if "answer" in row] in ([], ["yes"])
        with pytest.raises(UnknownKind):
            read(house, session, "power", kind)


def test_counts_are_of_the_own_tenant(house: House) -> None:
    """Both tenants have one of each thing, so a count of two is a neighbour's."""
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.USAGE, RecordKind.ALARMS)
        figures = {row["figure"]: row["value"] for row in read(house, session, "steel", RecordKind.USAGE)}
        once = {"machines", "connected_machines", "signals", "connected_signals", "sources", "apps",
                "alarms_raised", "alarms_acknowledged", "orders", "maintenance_windows"}  # fmt: skip
        assert {name: figures[name] for name in once} == dict.fromkeys(once, 1.0)
        assert (figures["products"], figures["people"]) == (2.0, 0.0)
        (day,) = read(house, session, "steel", RecordKind.ALARMS)
        assert (day["raised"], day["acknowledged"]) == (1, 1)


def test_who_works_and_what_is_connected_at_a_neighbours_is_not_counted(house: House) -> None:
    with house.metadata.session() as session:
        create_user(session, "li", "Li", "tap hole 42", {"power": [Role.VIEWER]})
        silent = Source.tenant_id == house.scopes["steel"].tenant_id
        session.execute(update(Source).where(silent).values(seen_at=house.now - timedelta(days=400)))
        agree(house, session, "steel", RecordKind.USAGE)
        figures = {row["figure"]: row["value"] for row in read(house, session, "steel", RecordKind.USAGE)}
    none = ("people", "sources", "connected_machines", "connected_signals")
    assert [figures[name] for name in none] == [0.0] * len(none)


def test_product_events_tell_the_genealogy(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.PRODUCT_EVENTS)
        rows = read(house, session, "steel", RecordKind.PRODUCT_EVENTS)
    events = [(row["event"], row["number"]) for row in rows]
    assert sorted(events) == [
        ("declared", "steel-1"), ("declared", "steel-2"), ("declared", "steel-3"), ("made_from", "steel-3"),
        ("stay", "steel-3"),
    ]  # fmt: skip
    (edge,) = [row for row in rows if row["event"] == "made_from"]
    assert (edge["from_series"], edge["from_number"]) == ("heat", "steel-2")
    (piece,) = [row for row in rows if row["event"] == "declared" and row["number"] == "steel-3"]
    assert piece["order"] == "order/steel-1"


def test_rows_of_a_neighbour_that_name_ours_and_ours_that_name_theirs_tell_nothing(house: House) -> None:
    """Numbers of alarms, products and assets are unique over all tenants; nobody writes such rows."""
    mine = {table: table.tenant_id == house.scopes["steel"].tenant_id for table in (Alarm, Asset, Product)}
    kinds = RecordKind.ALARMS, RecordKind.PRODUCT_EVENTS
    with house.metadata.session() as session:
        for slug in ("steel", "power"):
            agree(house, session, slug, *kinds)
        before = [read(house, session, "steel", kind) for kind in kinds]
        alarm = session.scalars(select(Alarm.id).where(mine[Alarm])).one()
        asset = session.scalars(select(Asset.id).where(mine[Asset]).limit(1)).one()
        piece = session.scalars(select(Product.id).where(mine[Product], Product.series == "slab")).one()
        heat = session.scalars(select(Product.id).where(~mine[Product], Product.series == "heat")).one()
        power = house.scopes["power"].tenant_id
        session.execute(update(AlarmEvent).where(AlarmEvent.tenant_id == power).values(alarm_id=alarm))
        session.execute(update(Origin).where(Origin.tenant_id == power).values(product_id=piece))
        session.execute(update(Stay).where(Stay.tenant_id == power).values(product_id=piece, asset_id=asset))
        assert [read(house, session, "steel", kind) for kind in kinds] == before
        order = session.scalars(select(Product.id).where(mine[Product], Product.series == "order")).one()
        session.execute(update(Origin).where(Origin.tenant_id == power).values(from_id=order))
        assert [read(house, session, "steel", kind) for kind in kinds] == before
        assert read(house, session, "power", RecordKind.ALARMS) == []
        steel = house.scopes["steel"].tenant_id
        elsewhere = session.scalars(select(Asset.id).where(~mine[Asset]).limit(1)).one()
        session.execute(update(Origin).where(Origin.tenant_id == steel).values(from_id=heat))
        session.execute(update(Stay).where(Stay.tenant_id == steel).values(asset_id=elsewhere))
        told = read(house, session, "steel", RecordKind.PRODUCT_EVENTS)
        assert "power" not in str(told)
        assert {row["event"] for row in told} == {"declared"}


def test_a_neighbour_who_declares_much_leaves_room_for_our_products(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.PRODUCT_EVENTS)
        narrowed, _ = records_scope(session, house.scopes["steel"], "reader", RecordKind.PRODUCT_EVENTS)
        since, now = house.now - timedelta(days=1), house.now + timedelta(minutes=1)
        newest = product_events(session, narrowed, since, now, 1)
    assert {row["number"] for row in newest} == {"steel-3", "steel-2"}


def test_a_scope_narrowed_to_one_kind_reads_no_other_and_no_signal(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.USAGE)
        narrowed, _ = records_scope(session, house.scopes["steel"], "reader", "usage")
        assert (narrowed.signals, narrowed.permissions) == (frozenset(), frozenset({Permission.READ}))
        for kind in OF_TENANT:
            wish = house.manifest.wish(kind)
            assert wish is not None
            asked = Reading("reader", wish, house.now)
            if kind is not RecordKind.USAGE:
                with pytest.raises(AccessDenied):
                    read_records(session, narrowed, asked, wish.fields)
            with pytest.raises(AccessDenied):
                read_records(session, house.scopes["steel"], asked, wish.fields)


def test_a_person_at_one_place_gets_no_scope_for_records(house: House) -> None:
    scope = house.scopes["steel"]
    placed = frozenset({(Role.VIEWER, "steel/A/L")})
    viewer = Principal(2, "v", {"steel": (scope.tenant_id, frozenset())}, placed={"steel": placed})
    there = access_tenant(viewer, "steel", Permission.READ)
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.USAGE)
        with pytest.raises(AccessDenied):
            there.narrowed(frozenset(), frozenset({Permission.READ}), frozenset({"usage"}))
        with pytest.raises(AccessDenied):
            sheets(session, there, "reader")


def test_fields_that_were_not_agreed_to_are_empty(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.PRODUCT_EVENTS)
        narrowed, _ = records_scope(session, house.scopes["steel"], "reader", "product_events")
        wish = house.manifest.wish(RecordKind.PRODUCT_EVENTS)
        assert wish is not None
        asked = Reading("reader", wish, house.now + timedelta(minutes=1))
        table = read_records(session, narrowed, asked, {"event", "number"})
    told = {name for name in table.column_names if table.column(name).null_count < table.num_rows}
    assert told == {"event", "number"}


def test_what_is_left_out_is_withdrawn_at_once_and_both_are_in_the_view(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.USAGE, RecordKind.ALARMS)
        assert subscription_of(session, house.scopes["steel"], "reader").records == ("alarms", "usage")
        assert subscription_of(session, house.scopes["power"], "reader").records == ()
        agree(house, session, "steel", RecordKind.ALARMS)
        with pytest.raises(UnknownKind):
            read(house, session, "steel", RecordKind.USAGE)
        first = consents(session, house.scopes["steel"], "reader")
        agree(house, session, "steel", RecordKind.ALARMS)
        assert consents(session, house.scopes["steel"], "reader") == first, "agreeing again changes nothing"
        assert [(one.kind, one.granted_by) for one in first] == [("alarms", "owner of steel")]


def test_a_neighbours_withdrawal_takes_nothing_from_us(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.USAGE)
        agree(house, session, "power", RecordKind.USAGE)
        agree(house, session, "power")
        stop(session, house.scopes["power"], "reader")
        assert read(house, session, "steel", RecordKind.USAGE)


def test_stopping_takes_all_back_and_a_new_subscription_has_nothing(house: House) -> None:
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.USAGE)
        stop(session, house.scopes["steel"], "reader")
        with pytest.raises(NotSubscribed):
            read(house, session, "steel", RecordKind.USAGE)
        subscribe(session, house.scopes["steel"], house.catalogue, "reader", ())
        assert consents(session, house.scopes["steel"], "reader") == []


def test_consent_is_for_who_may_subscribe_and_for_what_the_app_asks(house: House) -> None:
    scope = house.scopes["steel"]
    viewer = Principal(2, "v", {"steel": (scope.tenant_id, frozenset({Role.VIEWER}))})
    with house.metadata.session() as session:
        with pytest.raises(AccessDenied):
            consent_to(session, access_tenant(viewer, "steel", Permission.READ), house.manifest, ["usage"])
        with pytest.raises(UnknownKind):
            consent_to(session, scope, house.manifest.model_copy(update={"records": ()}), ["usage"])


def test_each_sheet_of_answers_is_kept_and_the_newest_counts(house: House) -> None:
    scope = house.scopes["steel"]
    with house.metadata.session() as session:
        agree(house, session, "steel", RecordKind.ANSWERS)
        assert read(house, session, "steel", RecordKind.ANSWERS) == []
        for number in (1, 2.5):
            answer(session, scope, "reader", house.questions, {"q": "yes", "n": number})
        rows = read(house, session, "steel", RecordKind.ANSWERS)
        assert {row["question"]: row["answer"] for row in rows} == {"q": "yes", "n": "2.5"}
        kept = sheets(session, scope, "reader")
        assert [(one.answers["n"], one.version, one.said_by) for one in kept] == [
            ("2.5", "1", "owner of steel"), ("1.0", "1", "owner of steel"),
        ]  # fmt: skip
        assert sheets(session, scope, "reader", before=kept[0].id, limit=5) == kept[1:]
        assert sheets(session, house.scopes["power"], "reader") == []
        assert sheets(session, scope, "another") == []


@pytest.mark.parametrize("answers", [{"q": "maybe"}, {"x": "yes"}, {"n": 11.0}, {"n": "3"}, {"q": 1.0}])
def test_an_answer_that_no_question_allows_is_refused(house: House, answers: dict[str, float | str]) -> None:
    with house.metadata.session() as session, pytest.raises(AnswerRefused):
        answer(session, house.scopes["steel"], "reader", house.questions, answers)
