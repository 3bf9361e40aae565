"""Notes that shifts hand over: said, changed until taken over, followed; and open points, closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import and_, func, or_, select, update

from tundish_platform.assets import lying_in
from tundish_platform.audit import record_of
from tundish_platform.handover.faults import HandoverRefused, UnknownHandover
from tundish_platform.handover.models import HandoverNote
from tundish_platform.handover.plans import planned_at
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_NOTES: Final = 200
"""Of one shift, and of the open points that are carried into it."""
MAX_TEXT: Final = 2_000

_Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class NoteSpec(BaseModel):
    """A note as a person makes it.

    Attributes:
        path: of the site or line.
        shift_start: of the shift that hands over.
        point: something that stays open until somebody closes it.
        follows: number of an earlier note there that this one goes on from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
    shift_start: AwareDatetime
    text: _Text
    point: bool = False
    follows: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class NoteChange(BaseModel):
    """Other words for a note that nobody has taken over yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: _Text
    point: bool = False


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note as it is kept; see `HandoverNote`."""

    id: int
    path: str
    starts_at: datetime
    text: str
    point: bool
    follows: int | None
    said_by: str
    said_at: datetime
    taken_by: str
    taken_at: datetime | None
    closed_by: str
    closed_at: datetime | None


def say(session: Session, scope: TenantScope, spec: NoteSpec, now: datetime) -> NoteView:
    """Hand something over.

    Raises:
        AccessDenied: the scope may not handle what happens at the place.
        HandoverRefused: no shift begins there and then, it has not begun, the note that this one follows is
            not one of the place, or the shift has `MAX_NOTES`.
    """
    scope.require_at(Permission.HANDLE, spec.path)
    if spec.shift_start > now or planned_at(session, scope, spec.path).at(spec.shift_start) is None:
        raise HandoverRefused(
            "该时间没有班次开始, 或班次尚未开始。请选择班次。",
            "No shift begins there at that time, or it has not begun yet. Choose a shift.",
        )
    mine = (HandoverNote.tenant_id == scope.tenant_id, HandoverNote.path == spec.path)
    if spec.follows is not None:
        earlier = session.scalar(
            select(HandoverNote.id).where(
                *mine, HandoverNote.id == spec.follows, HandoverNote.starts_at <= spec.shift_start
            )
        )
        if earlier is None:
            raise HandoverRefused(
                f"该处没有可跟进的记录 {spec.follows}。", f"There is no note {spec.follows} here to follow."
            )
    held = session.scalar(
        select(func.count()).where(*mine, HandoverNote.starts_at == spec.shift_start)
    )  # fmt: skip
    if (held or 0) >= MAX_NOTES:
        raise HandoverRefused(
            f"本班记录已达上限 {MAX_NOTES} 条。", f"The shift has {MAX_NOTES} notes already."
        )
    row = HandoverNote(
        tenant_id=scope.tenant_id, path=spec.path, starts_at=spec.shift_start, text=spec.text.strip(),
        point=spec.point, follows=spec.follows, said_by=scope.principal, said_at=now, taken_by="",
        taken_at=None, closed_by="", closed_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "handover.note_made", row.path, now, {"number": row.id, "text": row.text})
    return _view(row)


def change_note(
    session: Session, scope: TenantScope, number: int, change: NoteChange, now: datetime
) -> NoteView:
    """Put other words in place, by who said it; once it was taken over it stays as it is.

    Raises:
        AccessDenied: the scope may not handle anything.
        UnknownHandover: there is no such note where the scope may handle things.
        HandoverRefused: somebody took it over, or another person said it.
    """
    row = _row(session, scope, number)
    if row.said_by != scope.principal:
        raise HandoverRefused(
            "只有交班人本人可以修改。请另写一条跟进。",
            "Only who handed it over may change it. Follow it with a note of your own.",
        )
    done = _changed(
        session, scope, number, HandoverNote.taken_at.is_(None), text=change.text.strip(), point=change.point,
        said_at=now,
    )  # fmt: skip
    if not done:
        raise _taken()
    record_of(session, scope, "handover.note_changed", row.path, now, {"number": number, "text": row.text})
    return _view(row)


def take_over(session: Session, scope: TenantScope, number: int, now: datetime) -> NoteView:
    """Acknowledge a note; from then on its words stay. Taking it again changes nothing.

    Raises:
        AccessDenied: the scope may not handle anything.
        UnknownHandover: there is no such note where the scope may handle things.
        HandoverRefused: who handed it over cannot take it over, too.
    """
    row = _row(session, scope, number)
    if row.said_by == scope.principal:
        raise HandoverRefused(
            "交班人不能自己接班确认。请由接班人确认。",
            "Who hands over cannot take over, too. Let the next shift do it.",
        )
    if _changed(
        session, scope, number, HandoverNote.taken_at.is_(None), taken_by=scope.principal, taken_at=now
    ):
        record_of(session, scope, "handover.note_taken", row.path, now, {"number": number})
    return _view(row)


def close_point(session: Session, scope: TenantScope, number: int, now: datetime) -> NoteView:
    """Say that an open point is done; saying it again changes nothing.

    Raises:
        AccessDenied: the scope may not handle anything.
        UnknownHandover: there is no such note where the scope may handle things.
        HandoverRefused: the note is no open point.
    """
    row = _row(session, scope, number)
    if not row.point:
        raise HandoverRefused("该记录不是遗留事项。", "The note is no open point.")
    if _changed(
        session, scope, number, HandoverNote.closed_at.is_(None), closed_by=scope.principal, closed_at=now
    ):
        record_of(session, scope, "handover.point_closed", row.path, now, {"number": number})
    return _view(row)


def notes_of(session: Session, scope: TenantScope, path: str, starts_at: datetime) -> list[NoteView]:
    """A shift's notes, oldest first.

    Raises:
        AccessDenied: the scope may not read there.
    """
    scope.require_at(Permission.READ, path)
    return _list(session, scope, path, HandoverNote.starts_at == starts_at)


def carried_into(
    session: Session, scope: TenantScope, path: str, starts_at: datetime, ends_at: datetime
) -> list[NoteView]:
    """Open points of earlier shifts that stood when a shift began, oldest first; closed ones show when.

    A point that was said only after the shift had ended was no point of the shift.

    Raises:
        AccessDenied: the scope may not read there.
    """
    scope.require_at(Permission.READ, path)
    open_then = or_(HandoverNote.closed_at.is_(None), HandoverNote.closed_at >= starts_at)
    earlier = and_(HandoverNote.starts_at < starts_at, HandoverNote.said_at < ends_at)
    return _list(session, scope, path, and_(HandoverNote.point.is_(True), earlier, open_then))


def _list(session: Session, scope: TenantScope, path: str, condition: object) -> list[NoteView]:
    rows = session.scalars(
        select(HandoverNote)
        .where(HandoverNote.tenant_id == scope.tenant_id, HandoverNote.path == path, condition)  # type: ignore[arg-type] # a condition on columns
        .order_by(HandoverNote.starts_at, HandoverNote.id)
        .limit(MAX_NOTES)
    )
    return [_view(row) for row in rows]


def _row(session: Session, scope: TenantScope, number: int) -> HandoverNote:
    there = lying_in(HandoverNote.path, scope.places(Permission.HANDLE))
    row = session.scalar(
        select(HandoverNote).where(
            HandoverNote.tenant_id == scope.tenant_id, HandoverNote.id == number, there
        )
    )
    if row is None:
        raise UnknownHandover(number)
    return row


def _changed(session: Session, scope: TenantScope, number: int, still: object, **values: object) -> bool:
    """Change a row where it still stands so, or nothing: of two people at once one is first."""
    mine = (HandoverNote.tenant_id == scope.tenant_id, HandoverNote.id == number)
    done = session.scalar(
        update(HandoverNote).where(*mine, still).values(**values).returning(HandoverNote.id)  # type: ignore[arg-type] # a condition on a column
    )
    session.expire_all()
    return done is not None


def _taken() -> HandoverRefused:
    return HandoverRefused(
        "该记录已被接班确认, 不能再修改。请另写一条跟进。",
        "The note was taken over and stays as it is. Follow it with another one.",
    )


def _view(row: HandoverNote) -> NoteView:
    return NoteView(
        row.id, row.path, row.starts_at, row.text, row.point, row.follows, row.said_by, row.said_at,
        row.taken_by, row.taken_at, row.closed_by, row.closed_at,
    )  # fmt: skip
