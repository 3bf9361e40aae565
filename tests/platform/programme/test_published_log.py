"""The log of published figures: whoever changes anything in an export is found out, without the platform."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from tundish_platform.migrations import upgrade
from tundish_platform.programme import assess, published_rules, register_enterprise
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.published import HeadSigner, NothingToPublish, Opening, publish
from tundish_platform.programme.published.entries import evidence_leaves, evidence_root
from tundish_platform.programme.published.log import export, growth, heads, newest_head, proof, size_of
from tundish_platform.programme.published.models import EvidenceOpening, Publication
from tundish_platform.programme.published.tree import (
    consistency_path,
    consistent,
    included,
    inclusion_path,
    leaf_hash,
    root_of,
)
from tundish_platform.programme.published.verifying import NotProven, verify_file
from tundish_platform.programme.uscc import check_digit, organisation_digit
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

NOW = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
RULE = published_rules()["2026.1"]
SIGNER = HeadSigner(SecretStr("of the test"))


def code(number: int) -> str:
    body = f"TDX{number:05d}"
    start = f"91999900{body}{organisation_digit(body)}"
    return start + check_digit(start)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metadata]:
    """A migrated database, which every test leaves empty."""
    made = Metadata(f"sqlite:///{tmp_path_factory.mktemp('log') / 'metadata.sqlite'}")
    upgrade(made)
    yield made.above(Above.ADOPTION)
    made.close()


class _Undone(Exception):  # noqa: N818 - ends a test's transaction
    pass


@pytest.fixture
def empty(database: Metadata) -> Iterator[Session]:
    """A session of which nothing stays."""
    with contextlib.suppress(_Undone), database.session() as session:
        yield session
        raise _Undone


@pytest.fixture
def session(empty: Session) -> Session:
    """A register of twenty enterprises in two counties, assessed."""
    for number in range(20):
        register_enterprise(
            empty, uscc=code(number), name_zh="厂(演示)", name_en="Plant (demo)", industry="C3444",
            region=("431302", "431321")[number % 2], demo=True,
        )  # fmt: skip
    assess(empty, RULE, {}, NOW)
    return empty


def published_twice(session: Session) -> bytes:
    """Two months of figures, as the file that anybody may have."""
    publish(session, SIGNER, RULE, "lin", NOW)
    later = NOW + timedelta(days=31)
    assess(session, RULE, {}, later)
    publish(session, SIGNER, RULE, "lin", later)
    return json.dumps(export(session, SIGNER)).encode()


def test_known_answers_of_certificate_transparency() -> None:
    """The eight leaves and roots that implementations of RFC 6962 are tried with."""
    entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root_of(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_paths_prove_what_they_say_and_nothing_else() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(19)]
    for size in range(1, 20):
        root = root_of(leaves[:size])
        for number in range(size):
            path = inclusion_path(number, leaves[:size])
            assert included(number, size, leaves[number], path, root)
            assert not included(number, size, leaf_hash(b"other"), path, root)
            assert not included(number, size, leaves[number], [*path, root], root)
            assert not included((number + 1) % size, size, leaves[number], path, root) or size == 1
            assert all(
                not included(number, size, leaves[number], [*path[:at], bytes(32), *path[at + 1 :]], root)
                for at in range(len(path))
            )
        for earlier in range(1, size + 1):
            path, before = consistency_path(earlier, leaves[:size]), root_of(leaves[:earlier])
            assert consistent(earlier, size, before, root, path)
            assert not consistent(earlier, size, bytes(32), root, path)
            assert not consistent(earlier, size, before, bytes(32), path)
            assert not consistent(earlier, size, before, root, [*path, root])


def test_an_export_and_each_figure_with_its_proof_verify(session: Session) -> None:
    data = published_twice(session)
    proven = verify_file(data, key=SIGNER.mark)
    assert len(proven.figures) == proven.head.size == size_of(session)
    kept = heads(session)[0].model_dump_json().encode()
    assert verify_file(data, against=kept).head == newest_head(session)
    for number in (0, 3, proven.head.size - 1):
        one = verify_file(json.dumps(proof(session, SIGNER, number)).encode(), key=SIGNER.mark)
        assert one.figures[0] == proven.figures[number]
    first, last = heads(session)
    path = [bytes.fromhex(step) for step in growth(session, first.size, last.size)]
    assert consistent(first.size, last.size, bytes.fromhex(first.root), bytes.fromhex(last.root), path)


def _resigned(found: dict[str, Any]) -> None:
    """Everything is written anew and consistently, but with a key of one's own."""
    mine = HeadSigner(SecretStr("of a forger"))
    leaves = [leaf_hash(json.dumps(f, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
              for f in found["figures"]]  # fmt: skip
    found["public_key"] = mine.public
    found["heads"] = [
        mine.sign(h["size"], root_of(leaves[: h["size"]]).hex(), datetime.fromisoformat(h["at"])).model_dump(
            mode="json"
        )
        for h in found["heads"]
    ]


def _set(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda found: found["figures"][3].update({name: value})


TAMPERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "value": _set("value", 4711),
    "rule version": _set("rule_version", "2026.9"),
    "moment": _set("moment", "2025-01-01T00:00:00Z"),
    "digest of the evidence": _set("evidence", "0" * 64),
    "exactness": _set("exact", value=True),
    "cell": _set("region", "431381"),
    "one more field": _set("note", "x"),
    "order": lambda found: found["figures"].insert(0, found["figures"].pop()),
    "figures swapped with their numbers": lambda found: found["figures"].__setitem__(
        slice(0, 2),
        [{**found["figures"][1], "number": 0}, {**found["figures"][0], "number": 1}],
    ),
    "newest figure taken away": lambda found: found["figures"].pop(),
    "tree cut off": lambda found: (found["figures"].pop(), found["heads"].pop()),
    "head's root": lambda found: found["heads"][0].update(root="0" * 64),
    "head's size": lambda found: found["heads"][-1].update(size=found["heads"][-1]["size"] - 1),
    "head's moment": lambda found: found["heads"][0].update(at="2020-01-01T00:00:00Z"),
    "heads out of order": lambda found: found["heads"].reverse(),
    "no head": lambda found: found.update(heads=[]),
    "key in the file": lambda found: found.update(public_key=HeadSigner(SecretStr("x")).public),
    "all of it by another key": _resigned,
    "format": lambda found: found.update(format="tundish-log-v9"),
}


@pytest.mark.parametrize("kind", sorted(TAMPERS))
def test_a_tamper_of_each_kind_is_found(session: Session, kind: str) -> None:
    found = json.loads(published_twice(session))
    TAMPERS[kind](found)
    with pytest.raises(NotProven):
        verify_file(json.dumps(found).encode(), key=SIGNER.mark)


def test_an_old_log_is_found_by_whoever_kept_a_newer_head(session: Session) -> None:
    publish(session, SIGNER, RULE, "lin", NOW)
    old = json.dumps(export(session, SIGNER)).encode()
    published_later = NOW + timedelta(days=31)
    assess(session, RULE, {}, published_later)
    newer = publish(session, SIGNER, RULE, "lin", published_later).model_dump_json().encode()
    assert verify_file(old, key=SIGNER.mark).head.size > 0, "by itself an old log is a true one"
    with pytest.raises(NotProven, match="shorter"):
        verify_file(old, against=newer)


def test_a_history_that_was_rewritten_is_found_by_whoever_kept_a_head(session: Session) -> None:
    """The platform itself cannot rewrite it: another first value under its own key, all heads signed anew."""
    found = json.loads(published_twice(session))
    kept = json.dumps(found["heads"][0]).encode()
    found["figures"][0]["value"] += 5
    leaves = [leaf_hash(json.dumps(f, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
              for f in found["figures"]]  # fmt: skip
    found["heads"] = [
        SIGNER.sign(
            h["size"], root_of(leaves[: h["size"]]).hex(), datetime.fromisoformat(h["at"])
        ).model_dump(mode="json")
        for h in found["heads"]
    ]
    data = json.dumps(found).encode()
    assert verify_file(data, key=SIGNER.mark)
    with pytest.raises(NotProven, match="not those that were published"):
        verify_file(data, key=SIGNER.mark, against=kept)


def test_a_proof_of_a_changed_figure_fails(session: Session) -> None:
    published_twice(session)
    found = proof(session, SIGNER, 2)
    for part, value in (("value", 99), ("rule_version", "x"), ("number", 1)):
        changed = {**found, "figure": {**found["figure"], part: value}}
        with pytest.raises(NotProven):
            verify_file(json.dumps(changed).encode())


def test_evidence_opens_to_its_figure_and_without_salt_nobody_can_try_facts(session: Session) -> None:
    publish(session, SIGNER, RULE, "lin", NOW)
    publication = session.scalars(select(Publication)).one()
    openings = [Opening.model_validate_json(row.text) for row in session.scalars(select(EvidenceOpening))]
    leaves = evidence_leaves(openings, publication.padding.split())
    assert evidence_root(leaves) == publication.evidence
    assert len(leaves) == 32, "twenty enterprises, of which the number of leaves tells nothing"
    guess = openings[0].model_copy(update={"salt": "0" * 64})
    assert guess.digest() not in leaves
    assert openings[0].digest() in leaves
    assert len({one.salt for one in openings}) == 20
    data = json.dumps(export(session, SIGNER))
    assert not any(one.uscc in data or one.salt in data or one.facts_hash in data for one in openings)


def test_nothing_is_published_twice_and_a_correction_names_what_it_corrects(session: Session) -> None:
    publish(session, SIGNER, RULE, "lin", NOW)
    before = size_of(session)
    with pytest.raises(NothingToPublish):
        publish(session, SIGNER, RULE, "lin", NOW)
    publish(session, SIGNER, RULE, "lin", NOW + timedelta(hours=1), reason="an enterprise was counted twice")
    proven = verify_file(json.dumps(export(session, SIGNER)).encode())
    again = proven.figures[before:]
    assert {figure.corrects for figure in again} == set(range(before)) == set(proven.withdrawn)
    for figure in again:
        former = proven.figures[figure.corrects or 0]
        assert (figure.name, figure.region, figure.industry) == (former.name, former.region, former.industry)
        assert figure.reason


def test_too_few_enterprises_are_not_published(session: Session) -> None:
    for row in session.scalars(select(Enterprise).limit(16)):
        session.delete(row)
    session.flush()
    with pytest.raises(NothingToPublish):
        publish(session, SIGNER, RULE, "lin", NOW)


def test_figures_of_small_cells_are_not_in_the_log(session: Session) -> None:
    for row in session.scalars(select(Enterprise).where(Enterprise.region == "431321").limit(7)):
        row.region = "431302"
    publish(session, SIGNER, RULE, "lin", NOW)
    said = verify_file(json.dumps(export(session, SIGNER)).encode()).figures
    assert {figure.region for figure in said} == {"", "431302"}
    assert all(figure.value is not None and figure.value % 5 == 0 for figure in said)
