"""Importing a file in two steps: a preview that writes nothing, and a person who confirms what it showed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from tundish_platform.audit import record
from tundish_platform.programme.register.changes import (
    Kind,
    Outdated,
    RegisterRefused,
    add_enterprise,
    begin,
    hold,
    project,
    today_of,
    write,
)
from tundish_platform.programme.register.contacts import add_to
from tundish_platform.programme.register.files import lines, read_file
from tundish_platform.programme.register.plans import Does, Planned, digest_of, plan
from tundish_platform.programme.register.tables import RegisterImport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

KEPT: Final = timedelta(hours=24)


class State(StrEnum):
    """How far an import has come."""

    WAITING = "waiting"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do, or did.

    Attributes:
        digest: of what it would do now; to be confirmed with.
        outdated: the register changed in a way that matters since the file was read.
        rows: empty once it is done or dropped.
    """

    id: int
    file_name: str
    state: State
    digest: str
    outdated: bool
    made_by: str
    made_at: datetime
    expires_at: datetime
    change: int | None
    new: int
    changed: int
    kept: int
    wrong: int
    rows: tuple[Planned, ...]


def preview_file(
    session: Session, actor: str, file_name: str, data: bytes, now: datetime, *, excel: bool
) -> Preview:
    """Read a file and keep it for confirmation; the register stays as it is.

    Raises:
        SheetError: the file as a whole cannot be read.
        RegisterRefused: it has no rows.
    """
    _forget_old(session, now)
    rows = read_file(data, excel=excel)
    if not rows:
        raise RegisterRefused("文件中没有数据行。", "The file has no rows.", "no_rows")
    today = today_of(now)
    planned = plan(session, rows, today, today)
    kept = RegisterImport(
        file_name=file_name[:200], digest=digest_of(planned), valid_on=today,
        cells=[list(row) for row in rows], made_by=actor[:200], made_at=now, expires_at=now + KEPT,
        state=State.WAITING,
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return _shown(kept, planned, kept.digest)


def preview_of(session: Session, number: int, now: datetime) -> Preview:
    """What a kept file would do as the register stands now.

    Raises:
        RegisterRefused: there is none, or it is too old.
    """
    kept = _waiting(session, number, now, done=True)
    if kept.state != State.WAITING:
        return _shown(kept, (), kept.digest)
    planned = plan(session, list(lines(kept.cells)), kept.valid_on, today_of(now))
    return _shown(kept, planned, digest_of(planned))


def confirm_import(
    session: Session, actor: str, number: int, digest: str, now: datetime, *, skip_wrong: bool = False
) -> Preview:
    """Do what the preview with that digest showed, all of it in one change.

    Args:
        session: of the metadata database.
        actor: who confirms.
        number: of the import.
        digest: of the preview that was looked at.
        now: the platform's clock, UTC.
        skip_wrong: leave out the rows that are wrong; otherwise they hinder all.

    Raises:
        RegisterRefused: there is none, it is too old or done, or rows are wrong.
        Outdated: the file would do something else now.
    """
    hold(session)
    kept = _waiting(session, number, now)
    planned = plan(session, list(lines(kept.cells)), kept.valid_on, today_of(now))
    if digest_of(planned) != digest:
        raise Outdated
    wrong = sum(one.does is Does.WRONG for one in planned)
    if wrong and not skip_wrong:
        raise RegisterRefused(
            f"{wrong} 行有误, 未写入任何数据。", f"{wrong} rows are wrong; nothing was written.", "bad_rows"
        )
    shown = _shown(kept, planned, digest)
    change = begin(session, actor, Kind.IMPORT, now, f"{kept.file_name:.200} #{number}")
    _carry_out(session, actor, change, planned, now)
    kept.state, kept.change_id, kept.cells = State.DONE, change, []
    told = {"new": shown.new, "changed": shown.changed, "wrong": wrong, "digest": digest}
    record(session, actor, "register.imported", kept.file_name, now=now, detail=told)
    session.flush()
    return _shown(kept, planned, digest)


def drop_import(session: Session, number: int, now: datetime) -> None:
    """Forget a file that waits, with what it said.

    Raises:
        RegisterRefused: there is none, or it is done.
    """
    kept = _waiting(session, number, now)
    kept.state, kept.cells = State.DROPPED, []
    session.flush()


def _carry_out(session: Session, actor: str, change: int, planned: Sequence[Planned], now: datetime) -> None:
    touched = []
    for one in planned:
        if one.does not in {Does.NEW, Does.CHANGED} or one.on is None:
            continue
        number = one.enterprise
        if number is None:
            number = add_enterprise(session, one.uscc, now, demo=one.demo).id
        write(session, change, number, one.fields, one.on)
        if one.contact is not None:
            add_to(session, actor, number, one.contact, now)
        touched.append(number)
    project(session, touched, today_of(now))


def _waiting(session: Session, number: int, now: datetime, *, done: bool = False) -> RegisterImport:
    kept = session.get(RegisterImport, number, populate_existing=True)
    states = {State.WAITING, State.DONE} if done else {State.WAITING}
    if kept is None or kept.state not in states or (kept.state == State.WAITING and kept.expires_at < now):
        raise RegisterRefused("没有待确认的导入, 或已过期。请重新上传文件。",
                              "No such import waits; send the file again.", "no_import")  # fmt: skip
    return kept


def _forget_old(session: Session, now: datetime) -> None:
    # Files hold personal data; nobody needs those of yesterday.
    old = select(RegisterImport.id).where(
        RegisterImport.state == State.WAITING, RegisterImport.expires_at < now
    )
    gone = update(RegisterImport).where(RegisterImport.id.in_(old))
    session.execute(gone.values(state=State.DROPPED, cells=[]))


def _shown(kept: RegisterImport, planned: Sequence[Planned], digest: str) -> Preview:
    counts = {does: sum(one.does is does for one in planned) for does in Does}
    return Preview(
        kept.id, kept.file_name, State(kept.state), digest, digest != kept.digest, kept.made_by, kept.made_at,
        kept.expires_at, kept.change_id, counts[Does.NEW], counts[Does.CHANGED], counts[Does.KEPT],
        counts[Does.WRONG], tuple(planned),
    )  # fmt: skip
