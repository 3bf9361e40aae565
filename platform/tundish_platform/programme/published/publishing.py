"""Publishes the adoption figures: counts them, makes them safe to show, commits to evidence, logs them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from tundish_platform.audit import record
from tundish_platform.programme.counting import counted
from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.published.crossed import Population, crossed
from tundish_platform.programme.published.entries import (
    Figure,
    Opening,
    evidence_leaves,
    evidence_root,
    new_salt,
    padded,
)
from tundish_platform.programme.published.log import add, latest, size_of
from tundish_platform.programme.published.models import EvidenceOpening, Publication
from tundish_platform.programme.published.rounding import rounded
from tundish_platform.programme.simulated import keep_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.programme.counting import Counted
    from tundish_platform.programme.published.heads import Head, HeadSigner
    from tundish_platform.programme.rules import Rule

ACTION: Final = "figures.published"


class NothingToPublish(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """Fewer than five enterprises are assessed, or nothing was assessed since the last publication."""


class Moved(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """What was shown is not what would be published: something was assessed or changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A figure that would be published; city-wide where region and industry are empty."""

    name: str
    region: str
    industry: str
    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a publication would say.

    Attributes:
        moment: of the newest evidence.
        stands: whether the figures of this moment are published already, so that a reason is needed.
        mark: digest of rule, moment and all figures; who confirms names it.
    """

    rule_version: str
    moment: datetime
    figures: tuple[Upcoming, ...]
    stands: bool
    mark: str


def publish(
    session: Session, signer: HeadSigner, rule: Rule, by: str, now: datetime, reason: str = "",
    seen: str = "",
) -> Head:  # fmt: skip
    """Publish all figures under a rule, as of the newest evidence.

    Args:
        session: of the metadata database, above tenants; what is published stands when it commits.
        signer: of the platform.
        rule: one published version.
        by: who publishes.
        now: the platform's clock.
        reason: why, where these figures correct the last ones; they then name those.
        seen: mark of the `Preview` that was confirmed; empty for none.

    Raises:
        Moved: what would be published is not what was confirmed.
        NothingToPublish: too few enterprises are assessed, or all of it was published already.
        Mixed: the database is a simulated city's, of which nothing is published.
    """
    keep_apart(session, simulated=False)
    found = counted(session, rule)
    moment = max((one.as_of for one in found), default=now)
    if len(found) < LEAST_ENTERPRISES or (not reason and _stands(session, rule, moment)):
        raise NothingToPublish(rule.version)
    if seen and seen != _previewed(session, signer, rule, found).mark:
        raise Moved(rule.version)
    publication = _publication(session, rule, found, moment, by, now, reason)
    shown = list(_figures(session, signer, rule, found, publication, now))
    head = add(session, signer, publication.id, shown, now)
    detail = {"rule": rule.version, "figures": len(shown), "size": head.size, "root": head.root}
    record(session, by, ACTION, rule.version, now=now, detail=detail)
    return head


def preview(session: Session, signer: HeadSigner, rule: Rule) -> Preview:
    """What `publish` would publish as things stand; nothing is written.

    Raises:
        NothingToPublish: too few enterprises are assessed.
    """
    rows = counted(session, rule)
    if len(rows) < LEAST_ENTERPRISES:
        raise NothingToPublish(rule.version)
    return _previewed(session, signer, rule, rows)


def _previewed(session: Session, signer: HeadSigner, rule: Rule, rows: Sequence[Counted]) -> Preview:
    moment = max(one.as_of for one in rows)
    found = tuple(
        Upcoming(name, *cell, value, exact)
        for basis in ("current", "ever")
        for name, cell, value, exact in _values(session, signer, rule, rows, basis)
    )
    said = "\n".join([rule.version, moment.isoformat(), *(str(one) for one in found)])
    mark = hashlib.sha256(said.encode()).hexdigest()
    return Preview(rule.version, moment, found, _stands(session, rule, moment), mark)


def _stands(session: Session, rule: Rule, moment: datetime) -> bool:
    previous = session.scalar(
        select(Publication).where(Publication.rule_version == rule.version).order_by(Publication.id.desc())
    )
    return previous is not None and previous.moment >= moment


def newest_publication(session: Session, rule_version: str) -> datetime | None:
    """When figures were last published under a rule."""
    return session.scalar(
        select(Publication.published_at)
        .where(Publication.rule_version == rule_version)
        .order_by(Publication.id.desc())
        .limit(1)
    )


def _publication(
    session: Session, rule: Rule, found: Sequence[Counted], moment: datetime, by: str, now: datetime,
    reason: str,
) -> Publication:  # fmt: skip
    """Commit to the evidence of everybody who is counted."""
    names = ["", *(stage.key for stage in rule.stages)]
    openings = [
        Opening(
            uscc=one.uscc, region=one.region, industry=one.industry, rule_version=rule.version,
            as_of=one.as_of, stage=one.stage, best=names[one.best], facts_hash=one.facts_hash,
            salt=new_salt(),
        )
        for one in found
    ]  # fmt: skip
    padding = [secrets.token_hex(32) for _ in range(padded(len(openings)) - len(openings))]
    publication = Publication(
        rule_version=rule.version, moment=moment, published_at=now, published_by=by, reason=reason,
        evidence=evidence_root(evidence_leaves(openings, padding)), padding=" ".join(padding),
    )  # fmt: skip
    session.add(publication)
    session.flush()
    rows = [
        {"publication_id": publication.id, "uscc": one.uscc, "text": one.model_dump_json()}
        for one in openings
    ]
    session.execute(insert(EvidenceOpening), rows)
    return publication


def _figures(
    session: Session, signer: HeadSigner, rule: Rule, found: Sequence[Counted], publication: Publication,
    now: datetime,
) -> Iterator[Figure]:  # fmt: skip
    common: dict[str, Any] = {
        "rule_version": rule.version, "moment": publication.moment, "published_at": now,
        "evidence": publication.evidence, "reason": publication.reason,
        "demo": rule.demo or any(one.demo for one in found),
    }  # fmt: skip
    number = size_of(session)
    for basis in ("current", "ever"):
        for name, cell, value, exact in _values(session, signer, rule, found, basis):
            former = latest(session, rule.version, name, *cell) if publication.reason else None
            yield Figure(
                number=number, name=name, value=value, exact=exact, region=cell[0], industry=cell[1],
                corrects=None if former is None else former.number, **common,
            )  # fmt: skip
            number += 1


def _values(
    session: Session, signer: HeadSigner, rule: Rule, found: Sequence[Counted], basis: str
) -> Iterator[tuple[str, tuple[str, str], int, bool]]:
    """Name, cell, value and whether it is exact, of everything that may be shown."""
    rows = [((one.region, one.industry), one.now if basis == "current" else one.best) for one in found]
    people = Population.of(rows, len(rule.stages))
    names = [f"enterprises.{stage.key}.{basis}" for stage in rule.stages]
    counts = dict(zip(names, people.counts.sum(axis=1).tolist(), strict=True))
    exact = {
        name: count for name, count in counts.items() if _may_be_exact(session, rule, name, count, len(rows))
    }
    for name, count in counts.items():
        value = exact.get(name, rounded(count, signer.rounding, name, ("", "")))
        yield name, ("", ""), value, name in exact
    for cell in crossed(people, names, signer.rounding, exact):
        for name, value in cell.counts.items():
            yield name, (cell.cell[0], cell.cell[1]), value, False


def _may_be_exact(session: Session, rule: Rule, name: str, count: int, everybody: int) -> bool:
    """Whether the whole city's count may stand as it is.

    Not where it tells of nearly nobody or nearly everybody, nor where it moved by so little since the last
    one that a cell which moves at the same time would give the enterprise away.
    """
    if not LEAST_ENTERPRISES <= count <= everybody - LEAST_ENTERPRISES:
        return False
    former = latest(session, rule.version, name)
    if former is None or former.value is None:
        return True
    moved = abs(count - former.value)
    return moved >= 2 * LEAST_ENTERPRISES or (former.exact and (moved == 0 or moved >= LEAST_ENTERPRISES))
