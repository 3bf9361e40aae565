"""The register as known at a change about a day: entries, an enterprise's history, figures that name both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import and_, func, or_, select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.changes import today_of
from tundish_platform.programme.register.fields import FIELDS
from tundish_platform.programme.register.merging import roots
from tundish_platform.programme.register.sizes import size_class
from tundish_platform.programme.register.tables import RegisterChange, RegisterEntryRow, RegisterFact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

_MOST_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """An enterprise as the register has it.

    Attributes:
        size: entered, or computed from industry, staff and revenue.
        connected: whether it has a tenant here, at this moment.
        merged_into: code of the entry that stands for it, as known then.
        version: number of the last change that touched it, as known then.
    """

    uscc: str
    name_zh: str
    name_en: str
    industry: str
    region: str
    park: str | None
    size: str | None
    size_entered: bool
    staff: int | None
    revenue: float | None
    founded: date | None
    hours_week: float
    notes: str | None
    demo: bool
    connected: bool
    merged_into: str | None
    registered_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; empty for all.

    Attributes:
        search: part of a name or code.
        industry: section, division or finer.
        region: the first digits of the county's code.
    """

    search: str = ""
    industry: str = ""
    region: str = ""
    size: str = ""
    park: str = ""

    def holds(self, one: RegisterEntry) -> bool:
        """Whether an entry is wanted."""
        words = self.search.casefold()
        return (
            (not words or any(words in text.casefold() for text in (one.uscc, one.name_zh, one.name_en)))
            and one.industry.startswith(self.industry)
            and one.region.startswith(self.region)
            and self.size in ("", one.size or "")
            and self.park in ("", one.park or "")
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The moment known and the day asked about.

    Attributes:
        change: number of the last change that counts.
        at: when it was made; None for an empty register.
        on: the day.
        now: whether it is what is known now of today.
    """

    change: int
    at: datetime | None
    on: date
    now: bool


@dataclass(frozen=True, slots=True)
class RegisterFigures:
    """Enterprises of the register, counted; asked again with the same two it is the same."""

    change: int
    known_at: datetime | None
    on: date
    enterprises: int
    demo_enterprises: int
    merged: int
    by_region: dict[str, int]
    by_industry: dict[str, int]
    by_size: dict[str, int]
    by_park: dict[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """A statement of the history: what, since when, by whom, and when it was said.

    Attributes:
        id: to page by.
        uscc: of whom, for entries that were merged keep what was said of them.
        replaced: whether a later change said something else of the same day.
    """

    id: int
    uscc: str
    change: int
    at: datetime
    actor: str
    kind: str
    note: str
    field: str
    valid_from: date
    value: str | None
    withdrawn: bool
    replaced: bool


def known_of(
    session: Session, now: datetime, change: int | None = None, at: datetime | None = None,
    on: date | None = None,
) -> Known:  # fmt: skip
    """The last change by number or moment, and a day; what is known now of today where neither is given."""
    query = select(RegisterChange.id, RegisterChange.at).order_by(RegisterChange.id.desc()).limit(1)
    if change is not None:
        query = query.where(RegisterChange.id <= change)
    if at is not None:
        query = query.where(RegisterChange.at <= at)
    found = session.execute(query).one_or_none()
    today = today_of(now)
    is_now = change is None and at is None and on in {None, today}
    return Known(found[0] if found else 0, found[1] if found else None, on or today, is_now)


def entries(
    session: Session, known: Known, wanted: Wanted | None = None, after: str = "", limit: int = 1_000
) -> list[RegisterEntry]:
    """Entries that stand for an enterprise, by code; those that were merged away stand for none."""
    wanted = wanted or Wanted()
    if known.now:
        query = _narrowed(_current(), wanted).where(Enterprise.merged_into.is_(None))
        query = query.where(Enterprise.uscc > after).order_by(Enterprise.uscc).limit(limit)
        return [_of_row(row, entry, None) for row, entry in session.execute(query)]
    found = (one for one in _as_known(session, known) if one.merged_into is None and one.uscc > after)
    return sorted((one for one in found if wanted.holds(one)), key=lambda one: one.uscc)[:limit]


def entry_of(session: Session, uscc: str, known: Known) -> RegisterEntry | None:
    """One entry, also one that was merged away; None where it was not known, or not yet there on that day."""
    if known.now:
        found = session.execute(_current().where(Enterprise.uscc == uscc)).one_or_none()
        return None if found is None else _of_row(found[0], found[1], _code_of(session, found[0].merged_into))
    number = session.scalar(select(Enterprise.id).where(Enterprise.uscc == uscc))
    return None if number is None else next(_as_known(session, known, number), None)


def figures(session: Session, known: Known) -> RegisterFigures:
    """Counts by county, division, size and park from what was said, never from what is shown now.

    What was known at a change of a day never changes, so that of each database the last ones are kept.
    """
    rows = session.execute(select(func.count(Enterprise.id), func.max(Enterprise.id))).one()
    state = (known.change, known.at, known.on, *rows)
    with _keeping:
        kept = _kept.setdefault(session.get_bind(), {})
        found = kept.pop(state, None)
    found = found or _figures(session, known)
    with _keeping:
        kept[state] = found
        while len(kept) > _MOST_KEPT:
            del kept[next(iter(kept))]
    return found


def _figures(session: Session, known: Known) -> RegisterFigures:
    met = list(_as_known(session, known))
    standing = [one for one in met if one.merged_into is None]
    return RegisterFigures(
        known.change, known.at, known.on, len(standing), sum(one.demo for one in standing),
        len(met) - len(standing), _counted(one.region for one in standing),
        _counted(one.industry[:3] for one in standing), _counted(one.size or "" for one in standing),
        _counted(one.park or "" for one in standing),
    )  # fmt: skip


_kept: Final[WeakKeyDictionary[Any, dict[tuple[Any, ...], RegisterFigures]]] = WeakKeyDictionary()
_keeping: Final = Lock()


def history_of(session: Session, uscc: str, before: int = 0, limit: int = 200) -> list[Said]:
    """Everything that was ever said of an enterprise, the newest first; with those merged into it."""
    row = session.execute(
        select(Enterprise.id, Enterprise.merged_into).where(Enterprise.uscc == uscc)
    ).one_or_none()
    if row is None:
        return []
    family = select(Enterprise.id).where(or_(Enterprise.id == row[0], Enterprise.merged_into == row[0]))
    newest = func.max(RegisterFact.change_id).over(
        partition_by=(RegisterFact.enterprise_id, RegisterFact.field, RegisterFact.valid_from)
    )
    said = (
        select(RegisterFact, newest.label("newest"))
        .where(RegisterFact.enterprise_id.in_(family))
        .subquery()
    )  # fmt: skip
    query = select(
        said.c.id, Enterprise.uscc, RegisterChange.id, RegisterChange.at, RegisterChange.actor,
        RegisterChange.kind, RegisterChange.note, said.c.field, said.c.valid_from, said.c.value,
        said.c.withdrawn, said.c.newest > said.c.change_id,
    ).join(RegisterChange, RegisterChange.id == said.c.change_id)  # fmt: skip
    query = query.join(Enterprise, Enterprise.id == said.c.enterprise_id)
    if before:
        query = query.where(said.c.id < before)
    rows = session.execute(query.order_by(said.c.id.desc()).limit(limit))
    return [Said(*values) for values in rows]


def values_as_known(
    session: Session, known: Known, enterprise: int | None = None
) -> dict[int, dict[str, tuple[str | None, int]]]:
    """Value and change of each field of each enterprise, as known then about that day."""
    asked = select(
        RegisterFact,
        func.row_number().over(
            partition_by=(RegisterFact.enterprise_id, RegisterFact.field, RegisterFact.valid_from),
            order_by=RegisterFact.change_id.desc(),
        ).label("place"),
    ).where(RegisterFact.change_id <= known.change, RegisterFact.valid_from <= known.on)  # fmt: skip
    if enterprise is not None:
        asked = asked.where(RegisterFact.enterprise_id == enterprise)
    newest = asked.subquery()
    standing = select(
        newest,
        func.row_number().over(
            partition_by=(newest.c.enterprise_id, newest.c.field), order_by=newest.c.valid_from.desc()
        ).label("last"),
    ).where(and_(newest.c.place == 1, newest.c.withdrawn.is_(False))).subquery()  # fmt: skip
    query = select(standing.c.enterprise_id, standing.c.field, standing.c.value, standing.c.change_id)
    found: dict[int, dict[str, tuple[str | None, int]]] = {}
    for number, field, value, change in session.execute(query.where(standing.c.last == 1)):
        found.setdefault(number, {})[field] = (value, change)
    return found


def _as_known(session: Session, known: Known, enterprise: int | None = None) -> Iterator[RegisterEntry]:
    values, merged = values_as_known(session, known, enterprise), roots(session, known.change)
    query = select(Enterprise)
    if enterprise is not None:
        query = query.where(Enterprise.id == enterprise)
    for row in session.scalars(query):
        said = values.get(row.id, {})
        if said.get("name_zh", (None, 0))[0] is not None:
            yield _of_values(row, said, _code_of(session, merged.get(row.id)))


def _current() -> Select[Enterprise, RegisterEntryRow]:
    return select(Enterprise, RegisterEntryRow).outerjoin(
        RegisterEntryRow, RegisterEntryRow.enterprise_id == Enterprise.id
    )


def _narrowed(
    query: Select[Enterprise, RegisterEntryRow], wanted: Wanted
) -> Select[Enterprise, RegisterEntryRow]:
    if wanted.search:
        texts = (Enterprise.uscc, Enterprise.name_zh, Enterprise.name_en)
        query = query.where(or_(*(text.icontains(wanted.search, autoescape=True) for text in texts)))
    for text, column in ((wanted.industry, Enterprise.industry), (wanted.region, Enterprise.region)):
        if text:
            query = query.where(column.startswith(text, autoescape=True))
    for text, exact in ((wanted.size, RegisterEntryRow.size), (wanted.park, RegisterEntryRow.park)):
        if text:
            query = query.where(exact == text)
    return query


def _of_row(row: Enterprise, entry: RegisterEntryRow | None, merged_into: str | None) -> RegisterEntry:
    # An enterprise that was put beside the register, as a simulation does, has no entry of its own.
    entry = entry or RegisterEntryRow(size_entered=False, version=0)
    return RegisterEntry(
        row.uscc, row.name_zh, row.name_en, row.industry, row.region, entry.park, entry.size,
        entry.size_entered, entry.staff, entry.revenue, entry.founded, row.hours_week, entry.notes, row.demo,
        row.tenant is not None, merged_into, row.registered_at, entry.version,
    )  # fmt: skip


def _of_values(
    row: Enterprise, said: dict[str, tuple[str | None, int]], merged_into: str | None
) -> RegisterEntry:
    value = {name: said.get(name, (None, 0))[0] for name in FIELDS}
    name, industry = value["name_zh"] or "", value["industry"] or ""
    staff = None if value["staff"] is None else int(value["staff"])
    revenue = None if value["revenue"] is None else float(value["revenue"])
    return RegisterEntry(
        row.uscc, name, value["name_en"] or name, industry, value["region"] or "", value["park"],
        value["size"] or size_class(industry, staff, revenue), value["size"] is not None, staff, revenue,
        None if value["founded"] is None else date.fromisoformat(value["founded"]),
        float(value["hours_week"] or 168), value["notes"], row.demo, row.tenant is not None, merged_into,
        row.registered_at, max(change for _, change in said.values()),
    )  # fmt: skip


def _code_of(session: Session, number: int | None) -> str | None:
    return None if number is None else session.get_one(Enterprise, number).uscc


def _counted(keys: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(keys).items()))


def parks(session: Session, most: int = 500) -> Sequence[str]:
    """Parks that the register names."""
    query = select(RegisterEntryRow.park).where(RegisterEntryRow.park.is_not(None)).distinct()
    return [park for park in session.scalars(query.order_by(RegisterEntryRow.park).limit(most)) if park]


def newest_change(session: Session) -> int:
    """Number of the last change; 0 for an empty register."""
    return session.scalar(select(func.max(RegisterChange.id))) or 0
