"""Versions registered and decided about, on both databases; one champion whatever happens at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from tundish_platform.audit import verify_trail
from tundish_platform.audit.models import AuditEntry
from tundish_platform.model_registry import (
    Decision,
    DecisionRefused,
    DecisionSpec,
    ModelDetail,
    OtherDigest,
    State,
    UnknownModel,
    decide,
    deciding,
    find_model,
    list_decisions,
    list_models,
    list_roles,
    register_version,
    registering,
)
from tundish_platform.model_registry.tables import ModelVersion
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.model_registry import ModelInfo, VersionSpec
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

    Make = Callable[..., VersionSpec]


class Book:
    """The registry of the plant "steel" in a database."""

    def __init__(self, metadata: Metadata, scopes: dict[str, TenantScope], make: Make, now: datetime) -> None:
        self.metadata, self.scopes, self.make, self.now = metadata, scopes, make, now

    def register(self, version: str, who: str = "worker") -> ModelInfo:
        with self.metadata.session() as session:
            return register_version(session, self.scopes[who], self.make(version), self.now)[0]

    def decide(self, number: int, what: str, who: str = "wang") -> ModelDetail:
        spec = DecisionSpec(decision=Decision(what), reason=f"because of {what}")
        with self.metadata.session() as session:
            return decide(session, self.scopes[who], number, spec, self.now)

    def states(self) -> dict[str, str]:
        with self.metadata.session() as session:
            found = list_models(session, self.scopes["wang"])
        return {one.version: one.state.value for one in found}


@pytest.fixture
def book(metadata: Metadata, scopes: dict[str, TenantScope], make_spec: Make, now: datetime) -> Book:
    return Book(metadata, scopes, make_spec, now)


def test_the_first_version_is_champion_unapproved_and_later_ones_are_candidates(book: Book) -> None:
    first = book.register("1")
    assert (first.state, first.approved_by, first.approved_at) == (State.CHAMPION, "", None)
    assert book.register("2").state is State.CANDIDATE
    assert book.decide(first.id, "approve").approved_by == "job:wang"
    # Another plant's first version is a first one, too.
    assert book.register("9", "worker-power").state is State.CHAMPION
    assert book.states() == {"1": "champion", "2": "candidate"}


def test_registering_again_changes_nothing_and_another_digest_is_refused(
    book: Book, scopes: dict[str, TenantScope], make_spec: Make, now: datetime
) -> None:
    first = book.register("1")
    with book.metadata.session() as session:
        again, made = register_version(session, scopes["worker"], make_spec("1"), now)
        assert (again, made) == (first, False)
        assert len(list_decisions(session, scopes["wang"], first.id)) == 1
    with pytest.raises(OtherDigest), book.metadata.session() as session:
        register_version(session, scopes["worker"], make_spec("1", digest="b" * 64), now)


def test_a_version_is_promoted_and_rolled_back_with_its_history_and_the_trail(book: Book) -> None:
    one, two = book.register("1").id, book.register("2").id
    book.decide(two, "shadow")
    promoted = book.decide(two, "promote")
    assert (promoted.approved_by, promoted.replaces) == ("job:wang", "1")
    assert book.states() == {"1": "retired", "2": "champion"}
    assert Decision.ROLL_BACK in promoted.possible
    book.decide(two, "roll-back")
    assert book.states() == {"1": "champion", "2": "retired"}
    with book.metadata.session() as session:
        told = [
            (one.what, one.from_state, one.to_state, one.reason)
            for one in list_decisions(session, book.scopes["wang"], one)
        ]
        trail = list(
            session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("model.%")).distinct())
        )
        assert verify_trail(session).faults == ()
    assert told == [
        ("restored", "retired", "champion", "because of roll-back"),
        ("replaced", "champion", "retired", "because of promote"),
        ("registered", None, "champion", ""),
    ]
    assert set(trail) == {"model.registered", "model.shadow", "model.promote", "model.replaced",
                          "model.roll_back", "model.restored"}  # fmt: skip


def test_a_line_may_be_left_without_champion_and_gets_one_by_promotion(book: Book) -> None:
    one = book.register("1").id
    book.decide(one, "retire")
    two = book.register("2")
    assert two.state is State.CANDIDATE, "people left the line without one; the worker must not undo it"
    with book.metadata.session() as session:
        (roles,) = list_roles(session, book.scopes["wang"])
    assert (roles.champion, roles.shadow) == (None, [])
    promoted = book.decide(two.id, "promote")
    assert promoted.replaces is None
    with pytest.raises(DecisionRefused, match="no champion before"):
        book.decide(two.id, "roll-back")
    book.decide(one, "shadow")
    with book.metadata.session() as session:
        (roles,) = list_roles(session, book.scopes["wang"])
    assert (roles.champion, roles.shadow) == ("2", ["1"])


def test_a_refused_decision_leaves_no_trace(book: Book) -> None:
    one = book.register("1").id
    with pytest.raises(DecisionRefused):
        book.decide(one, "reject")
    with book.metadata.session() as session:
        assert len(list_decisions(session, book.scopes["wang"], one)) == 1
    assert book.states() == {"1": "champion"}


def test_the_worker_does_not_decide_and_people_do_not_register(book: Book) -> None:
    one = book.register("1").id
    with pytest.raises(AccessDenied):
        book.decide(one, "approve", "worker")
    with pytest.raises(AccessDenied):
        book.register("2", "wang")
    with pytest.raises(UnknownModel):
        book.decide(one, "approve", "wang-power")


def test_an_engineer_of_one_line_sees_and_decides_that_line_only(
    book: Book, make_spec: Make, now: datetime
) -> None:
    with book.metadata.session() as session:
        ids = {
            line: register_version(session, book.scopes["worker"], make_spec("1", line), now)[0].id
            for line in ("S/A/L1", "S/A/L10", "S/A/L2")
        }
    tenant = book.scopes["wang"].tenant_id
    placed = Principal(
        7, "li", {"steel": (tenant, frozenset({Role.VIEWER}))},
        placed={"steel": frozenset({(Role.ENGINEER, "S/A/L1")})},
    )  # fmt: skip
    book.scopes["li"] = access_tenant(placed, "steel", Permission.CONFIGURE)
    book.decide(ids["S/A/L1"], "approve", "li")
    for line in ("S/A/L10", "S/A/L2"):
        with pytest.raises(AccessDenied):
            book.decide(ids[line], "approve", "li")
    narrow = Principal(
        8, "zhao", {"steel": (tenant, frozenset())},
        placed={"steel": frozenset({(Role.ENGINEER, "S/A/L1")})},
    )  # fmt: skip
    scope = access_tenant(narrow, "steel", Permission.READ)
    with book.metadata.session() as session:
        assert [one.line for one in list_models(session, scope)] == ["S/A/L1"]
        assert [one.line for one in list_roles(session, scope)] == ["S/A/L1"]
        with pytest.raises(UnknownModel):
            find_model(session, scope, ids["S/A/L10"])


def at_once(work: list[Callable[[], object]]) -> list[Exception]:
    """Start all together; what they raised."""
    barrier, failures = threading.Barrier(len(work)), list[Exception]()

    def run(one: Callable[[], object]) -> None:
        barrier.wait()
        try:
            one()
        except (DecisionRefused, IntegrityError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return failures


def champions(session: Session) -> int:
    champion = select(func.count()).where(ModelVersion.tenant_id > 0, ModelVersion.state == "champion")
    return session.scalar(champion) or 0


def test_first_versions_at_once_give_one_champion(book: Book) -> None:
    versions = [str(number) for number in range(4)]
    assert at_once([lambda version=version: book.register(version) for version in versions]) == []
    assert sorted(book.states().values()) == ["candidate"] * 3 + ["champion"]


def test_promotions_at_once_leave_one_champion_and_an_unbroken_line_of_them(book: Book) -> None:
    first = book.register("1").id
    others = [book.register(str(number)).id for number in range(2, 6)]
    assert at_once([lambda number=number: book.decide(number, "promote") for number in others]) == []
    assert sorted(book.states().values()) == ["champion"] + ["retired"] * 4
    with book.metadata.session() as session:
        replaced = {find_model(session, book.scopes["wang"], number).replaces for number in others}
    assert len(replaced) == 4, "each took the place of another one"
    assert first not in others


def test_without_the_lock_the_database_still_takes_one_champion_only(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (deciding, registering):
        monkeypatch.setattr(module, "hold_tree", lambda *_: None)
    book.register("1")
    others = [book.register(str(number)).id for number in range(2, 5)]
    monkeypatch.setattr(deciding, "_take_the_place", lambda *_: None)
    failures = at_once([lambda number=number: book.decide(number, "promote") for number in others])
    assert [type(failure) for failure in failures] == [IntegrityError] * 3
    with book.metadata.session() as session:
        assert champions(session) == 1
