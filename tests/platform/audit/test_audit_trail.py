from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tundish_platform.audit import (
    GENESIS,
    Entry,
    all_entries,
    entries_of,
    entry_of,
    head,
    prune,
    record,
    verify,
    verify_trail,
)
from tundish_platform.audit.chain import digest_of, digest_of_detail, said
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def fill(metadata: Metadata, count: int, start: datetime = NOW) -> None:
    with metadata.session() as session:
        for n in range(count):
            tenant = ("", "steel", "power")[n % 3]
            detail = {"n": n, "词": "值"}
            record(
                session, "li", "rule.changed", f"rule/{n}", tenant=tenant, now=start + n * DAY, detail=detail
            )


def export(metadata: Metadata) -> list[Entry]:
    with metadata.session() as session:
        return list(all_entries(session))


def test_a_trail_verifies_in_the_database_and_from_its_export(metadata: Metadata) -> None:
    fill(metadata, 10)
    with metadata.session() as session:
        verdict = verify_trail(session)
        assert (verdict.entries, verdict.last, verdict.faults) == (10, 10, ())
        assert head(session) == (10, verdict.digest)
    hidden = [entry.withheld().line() for entry in export(metadata)]
    assert "词" not in "".join(hidden)
    assert verify(map(entry_of, hidden)) == verdict
    lines = [entry.line() for entry in export(metadata)]
    assert verify(map(entry_of, lines), anchors={10: verdict.digest}) == verdict


def test_an_entry_is_written_with_what_it_records_or_not_at_all(metadata: Metadata) -> None:
    fill(metadata, 2)

    def fail() -> None:
        with metadata.session() as session:
            record(session, "li", "x.y", "z", now=NOW)
            raise RuntimeError("made up by the test")

    with pytest.raises(RuntimeError, match="made up"):
        fail()
    fill(metadata, 1)
    with metadata.session() as session:
        assert verify_trail(session).last == 3


def test_writers_at_the_same_moment_share_one_chain(metadata: Metadata) -> None:
    threads = [threading.Thread(target=fill, args=(metadata, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with metadata.session() as session:
        verdict = verify_trail(session)
    assert (verdict.entries, verdict.faults) == (40, ())


def tampered(entries: list[Entry], chance: random.Random) -> list[Entry]:
    """One change of any kind, with or without the digests made anew from there."""
    at = chance.randrange(len(entries))
    kind = chance.choice(["change", "remove", "insert", "swap", "cut"])
    changed = list(entries)
    if kind == "change":
        field, value = chance.choice(
            [("actor", "zhang"), ("action", "rule.deleted"), ("detail", "{}"), ("tenant", "other"),
             ("at", entries[at].at + timedelta(microseconds=1)), ("subject", "")]
        )  # fmt: skip
        changed[at] = replace(entries[at], **{field: value})
    elif kind == "remove":
        del changed[at]
    elif kind == "insert":
        changed.insert(at, replace(entries[at], actor="zhang"))
    elif kind == "swap":
        at = min(at, len(entries) - 2)
        changed[at], changed[at + 1] = changed[at + 1], changed[at]
    else:
        del changed[at:]
    return made_anew(changed) if chance.random() < 0.5 else changed


def made_anew(entries: list[Entry]) -> list[Entry]:
    previous, made = GENESIS, []
    for number, e in enumerate(entries, 1):
        fields = (number, e.at, e.actor, e.tenant, e.action, e.subject)
        assert e.detail is not None
        detail_digest = digest_of_detail(e.detail)
        previous = digest_of(previous, said(*fields, detail_digest))
        made.append(Entry(*fields, e.detail, detail_digest, previous))
    return made


def test_a_thousand_tampers_are_all_found_from_one_anchor(new_sqlite: object) -> None:
    assert callable(new_sqlite)
    metadata = new_sqlite()
    fill(metadata, 20)
    entries = export(metadata)
    anchor = {20: entries[-1].digest}
    assert made_anew(entries) == entries
    assert verify(entries, anchors=anchor).faults == ()
    chance = random.Random(7)  # noqa: S311 - a repeatable choice of tampers
    unnoticed = without = 0
    for _ in range(1000):
        other = tampered(entries, chance)
        assert other != entries
        unnoticed += not verify(other, anchors=anchor).faults
        without += not verify(other).faults
    assert unnoticed == 0
    # The control: a chain alone cannot tell that it was made anew or cut, which is what anchors are for.
    assert without > 100


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE audit_entry SET actor = 'zhang' WHERE number = 4",
        "DELETE FROM audit_entry WHERE number = 4",
        "DELETE FROM audit_entry WHERE number = 10",
        "DELETE FROM audit_entry",
        "UPDATE audit_head SET digest = 'x'",
        "UPDATE audit_head SET number = 11",
    ],
)
def test_a_hand_in_the_database_is_found(metadata: Metadata, tamper: str) -> None:
    fill(metadata, 10)
    with metadata.session() as session:
        session.execute(text(tamper))
    with metadata.session() as session:
        assert len(verify_trail(session).faults) == 1


def test_old_entries_go_and_what_is_kept_verifies(metadata: Metadata) -> None:
    fill(metadata, 300)
    whole = export(metadata)
    now = NOW + 300 * DAY
    with metadata.session() as session:
        with pytest.raises(ValueError, match="180"):
            prune(session, "op", 179 * DAY, now)
        assert prune(session, "op", 180 * DAY, now) == 120
        assert prune(session, "op", 180 * DAY, now) == 0
    with metadata.session() as session:
        verdict = verify_trail(session, {200: whole[199].digest})
        assert (verdict.entries, verdict.last, verdict.faults) == (181, 301, ())
    kept = export(metadata)
    assert kept[-1].action == "audit.pruned"
    assert whole[119].digest in str(kept[-1].detail)
    fill(metadata, 1, now)
    with metadata.session() as session:
        assert verify_trail(session).faults == ()


def test_a_tenant_sees_its_own_entries_and_only_its_owner_does(metadata: Metadata) -> None:
    fill(metadata, 9)
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        owner = access_tenant(job_principal(session, "o", Role.OWNER), "steel", Permission.READ)
        viewer = access_tenant(job_principal(session, "v", Role.VIEWER), "steel", Permission.READ)
        found = entries_of(session, owner, limit=2)
        assert [entry.number for entry in found] == [8, 5]
        assert [entry.number for entry in entries_of(session, owner, before=5)] == [2]
        assert {entry.tenant for entry in found} == {"steel"}
        with pytest.raises(AccessDenied):
            entries_of(session, viewer)


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"number": "1"}', "null", '{"at": 3}'])
def test_a_line_that_is_no_entry_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"no entry|Expecting value"):
        entry_of(line)
