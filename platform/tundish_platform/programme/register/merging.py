"""Two entries that are one enterprise: merged into one that stands for both, and apart again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update
from sqlalchemy.orm import aliased

from tundish_platform.audit import record
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.changes import Kind, RegisterRefused, begin, hold, needed
from tundish_platform.programme.register.tables import RegisterChange, RegisterMerge

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of the register.

    Attributes:
        merged: code of the entry that is counted no more; ``kept`` of the one that stands for both.
        change: that made it; ``undone_by`` the one that took it back.
    """

    id: int
    merged: str
    kept: str
    change: int
    at: datetime
    actor: str
    note: str
    undone_by: int | None


def merge_enterprises(session: Session, actor: str, merged: str, kept: str, note: str, now: datetime) -> int:
    """Let one entry stand for another, too; both histories stay, and the tenant goes along.

    Args:
        session: of the metadata database.
        actor: who says so.
        merged: code of the entry that goes.
        kept: code of the one that stays.
        note: why.
        now: the platform's clock, UTC.

    Returns:
        Number of the merge.

    Raises:
        RegisterRefused: an entry is unknown or merged away, both are one or both have a tenant.
    """
    hold(session)
    goes, stays = needed(session, merged), needed(session, kept)
    _check(goes, stays)
    change = begin(session, actor, Kind.MERGE, now, note)
    made = RegisterMerge(
        kept_id=stays.id, merged_id=goes.id, change_id=change,
        tenant_moved=None if stays.tenant else goes.tenant,
    )  # fmt: skip
    session.add(made)
    _give_tenant(session, goes, stays, made.tenant_moved)
    _project(session)
    record(session, actor, "register.merged", goes.uscc, now=now, detail={"into": stays.uscc, "why": note})
    return made.id


def undo_merge(session: Session, actor: str, number: int, note: str, now: datetime) -> None:
    """Let both entries stand for themselves again.

    Raises:
        RegisterRefused: there is no such merge, it was undone, or the entry that was kept is merged away.
    """
    hold(session)
    made = session.get(RegisterMerge, number, populate_existing=True)
    if made is None or made.undone_by is not None:
        raise RegisterRefused(
            "没有这次合并, 或已撤销。", "There is no such merge, or it was undone.", "no_merge"
        )
    stays, back = (session.get_one(Enterprise, one) for one in (made.kept_id, made.merged_id))
    if stays.merged_into is not None:
        raise RegisterRefused(f"请先撤销 {stays.uscc} 的合并。", f"Undo the merge of {stays.uscc} first.")
    made.undone_by = begin(session, actor, Kind.UNDO, now, note)
    if made.tenant_moved is not None and stays.tenant == made.tenant_moved:
        _give_tenant(session, stays, back, made.tenant_moved)
    _project(session)
    record(session, actor, "register.unmerged", back.uscc, now=now, detail={"from": stays.uscc, "why": note})


def merges(session: Session, before: int = 0, limit: int = 200, uscc: str = "") -> list[Merge]:
    """Merges, the newest first; those of one entry with a code."""
    goes, stays = aliased(Enterprise), aliased(Enterprise)
    query = (
        select(
            RegisterMerge.id, goes.uscc, stays.uscc, RegisterMerge.change_id, RegisterChange.at,
            RegisterChange.actor, RegisterChange.note, RegisterMerge.undone_by,
        )
        .join(goes, goes.id == RegisterMerge.merged_id)
        .join(stays, stays.id == RegisterMerge.kept_id)
        .join(RegisterChange, RegisterChange.id == RegisterMerge.change_id)
    )  # fmt: skip
    if uscc:
        query = query.where(or_(goes.uscc == uscc, stays.uscc == uscc))
    if before:
        query = query.where(RegisterMerge.id < before)
    return [Merge(*row) for row in session.execute(query.order_by(RegisterMerge.id.desc()).limit(limit))]


def roots(session: Session, known: int) -> dict[int, int]:
    """For each entry that was merged away, as known at a change, the entry that stands for it."""
    stands = or_(RegisterMerge.undone_by.is_(None), RegisterMerge.undone_by > known)
    query = select(RegisterMerge.merged_id, RegisterMerge.kept_id).where(
        RegisterMerge.change_id <= known, stands
    )
    into = dict(session.execute(query).all())
    found = {}
    for goes, stays in into.items():
        last = stays
        while last in into:
            last = into[last]
        found[goes] = last
    return found


def _check(goes: Enterprise, stays: Enterprise) -> None:
    if goes.id == stays.id:
        raise RegisterRefused("不能与自身合并。", "An entry is not merged into itself.")
    if goes.demo is not stays.demo:
        raise RegisterRefused("演示企业不能与真实企业合并。", "A fictional enterprise is no real one.")
    if goes.tenant is not None and stays.tenant is not None:
        raise RegisterRefused(
            "两家企业在平台上都有账户, 请先由平台运营方合并账户。",
            "Both have a tenant here; let the operator bring their plants into one first.", "two_tenants",
        )  # fmt: skip


def _give_tenant(session: Session, source: Enterprise, target: Enterprise, tenant: int | None) -> None:
    if tenant is not None:
        # In two steps, for no two entries may have one tenant.
        source.tenant = None
        session.flush()
        target.tenant = tenant
    session.flush()


def _project(session: Session) -> None:
    """Bring ``merged_into`` of all rows to what stands now."""
    wanted = roots(session, 2**31 - 1)
    gone = select(Enterprise.id).where(Enterprise.merged_into.is_not(None))
    for number in set(session.scalars(gone)) | set(wanted):
        row = update(Enterprise).where(Enterprise.id == number)
        session.execute(row.values(merged_into=wanted.get(number)))
