"""The log of published figures: figures are added and never changed, and its state is signed each time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from tundish_platform.programme.published.entries import Figure
from tundish_platform.programme.published.heads import Head
from tundish_platform.programme.published.models import LogHead, PublishedFigure
from tundish_platform.programme.published.tree import consistency_path, inclusion_path, root_of
from tundish_platform.programme.published.verifying import LOG, PROOF
from tundish_platform.programme.simulated import Mixed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.programme.published.heads import HeadSigner


class UnknownFigure(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """No figure of that number, or no head of that size, was published."""


def size_of(session: Session) -> int:
    """How many figures are in the log."""
    return session.scalar(select(func.count(PublishedFigure.number))) or 0


def add(
    session: Session, signer: HeadSigner, publication: int, figures: Iterable[Figure], now: datetime
) -> Head:
    """Append figures and sign the head over all.

    Two that publish at once collide on a number, and one of them fails as a whole.

    Raises:
        Mixed: a figure is of made enterprises.
    """
    for figure in figures:
        if figure.simulated:
            raise Mixed(f"{figure.name} is of a simulated city, and this log of real enterprises")
        session.add(
            PublishedFigure(
                number=figure.number, publication_id=publication, name=figure.name, region=figure.region,
                industry=figure.industry, text=figure.text().decode(), leaf=figure.leaf().hex(),
            )
        )  # fmt: skip
    session.flush()
    leaves = leaves_of(session)
    head = signer.sign(len(leaves), root_of(leaves).hex(), now)
    session.add(LogHead(size=head.size, root=head.root, at=head.at, signature=head.signature))
    session.flush()
    return head


def leaves_of(session: Session, most: int | None = None) -> list[bytes]:
    """The leaf hashes in their order, the first `most`."""
    query = select(PublishedFigure.leaf).order_by(PublishedFigure.number).limit(most)
    return [bytes.fromhex(leaf) for leaf in session.scalars(query)]


def heads(session: Session, after: int = 0, limit: int | None = None) -> list[Head]:
    """Signed heads, the smallest first."""
    rows = session.scalars(select(LogHead).where(LogHead.size > after).order_by(LogHead.size).limit(limit))
    return [Head(size=row.size, root=row.root, at=row.at, signature=row.signature) for row in rows]


def newest_head(session: Session) -> Head:
    """The newest signed head.

    Raises:
        UnknownFigure: nothing was published yet.
    """
    row = session.scalar(select(LogHead).order_by(LogHead.size.desc()).limit(1))
    if row is None:
        raise UnknownFigure("head")
    return Head(size=row.size, root=row.root, at=row.at, signature=row.signature)


def last_head(session: Session) -> Head | None:
    """The newest signed head; None where nothing was published yet."""
    try:
        return newest_head(session)
    except UnknownFigure:
        return None


def figures(session: Session, after: int = -1, limit: int | None = None) -> list[dict[str, Any]]:
    """Figures as published, in their order."""
    query = select(PublishedFigure.text).where(PublishedFigure.number > after)
    return [json.loads(text) for text in session.scalars(query.order_by(PublishedFigure.number).limit(limit))]


def latest(
    session: Session, rule_version: str, name: str, region: str = "", industry: str = ""
) -> Figure | None:
    """The newest figure of a cell under a rule."""
    rows = session.scalars(
        select(PublishedFigure.text)
        .where(
            PublishedFigure.name == name,
            PublishedFigure.region == region,
            PublishedFigure.industry == industry,
        )
        .order_by(PublishedFigure.number.desc())
    )
    for text in rows:
        figure = Figure.model_validate_json(text)
        if figure.rule_version == rule_version:
            return figure
    return None


def proof(session: Session, signer: HeadSigner, number: int) -> dict[str, Any]:
    """One figure with the path from it to the newest head, for `verifying.verify_file`.

    Raises:
        UnknownFigure: there is none.
    """
    text = session.scalar(select(PublishedFigure.text).where(PublishedFigure.number == number))
    if text is None:
        raise UnknownFigure(str(number))
    head = newest_head(session)
    path = [step.hex() for step in inclusion_path(number, leaves_of(session, head.size))]
    return {
        "format": PROOF, "public_key": signer.public, "figure": json.loads(text),
        "path": path, "head": head.model_dump(mode="json"),
    }  # fmt: skip


def growth(session: Session, earlier: int, later: int) -> list[str]:
    """The path that proves that the log of the earlier size is the beginning of the later one.

    Raises:
        UnknownFigure: no head of one of the sizes was signed.
    """
    for size in (earlier, later):
        if session.get(LogHead, size) is None:
            raise UnknownFigure(str(size))
    if earlier > later:
        raise UnknownFigure(str(later))
    return [step.hex() for step in consistency_path(earlier, leaves_of(session, later))]


def export(session: Session, signer: HeadSigner) -> dict[str, Any]:
    """The whole log with all its heads, for `verifying.verify_file`."""
    return {
        "format": LOG, "public_key": signer.public, "figures": figures(session),
        "heads": [head.model_dump(mode="json") for head in heads(session)],
    }  # fmt: skip
