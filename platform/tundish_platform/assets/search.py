"""Finding signals by name, path, kind, unit and line, among hundreds of thousands, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, literal_column, or_, select, table, text
from sqlalchemy import column as plain_column

from tundish_platform.assets.models import Signal
from tundish_platform.assets.nodes import chunks
from tundish_platform.assets.searchtext import indexed_term, normal, search_text
from tundish_platform.assets.signals import find_signals
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 1_000
MAX_TERMS: Final = 8
# A tenant's signals stand side by side in the index: their numbers are the low 32 bits of the row's.
_SHIFT: Final = 32


@dataclass(frozen=True, slots=True)
class SignalSearch:
    """What is looked for; empty for anything.

    Attributes:
        terms: parts of path or names, with blanks between; all must be found, in any order and case.
        kind: semantic kind with its special kinds: ``pressure`` finds ``pressure.hydraulic``, too.
        unit: UCUM code.
        line: path of a line, or of anything else above the signal.
    """

    terms: str = ""
    kind: str = ""
    unit: str = ""
    line: str = ""


def search_signals(
    session: Session, scope: TenantScope, wanted: SignalSearch, *, after: int = 0, limit: int = 100
) -> list[SignalInfo]:
    """Signals by number.

    Args:
        session: of the metadata database.
        scope: whose.
        wanted: what is looked for.
        after: number of the last signal of the page before.
        limit: how many at most, up to `MAX_PAGE`.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    limit = min(limit, MAX_PAGE)
    terms = normal(wanted.terms).split()[:MAX_TERMS]
    if scope.signals is not None:
        return _among(session, scope, wanted, terms, after)[:limit]
    collation = None if session.get_bind().dialect.name == "sqlite" else "C"
    query = select(Signal.id).where(
        Signal.tenant_id == scope.tenant_id, Signal.id > after, *_conditions(wanted, collation)
    )
    indexed = [found for term in terms if (found := indexed_term(term)) is not None]
    if indexed and collation is None:
        query = _matched(query, scope, [*indexed, *_line_terms(wanted)], after)
        terms = [term for term in terms if indexed_term(term) is None]
    else:
        query = query.order_by(Signal.id)
    # What no index can find is looked at row by row, until the page is full.
    for term in terms:
        query = query.where(Signal.search.contains(indexed_term(term) or term, autoescape=True))
    return find_signals(session, scope, session.scalars(query.limit(limit)).all())


def _conditions(wanted: SignalSearch, collation: str | None) -> list[ColumnElement[bool]]:
    """Ranges in the order of ASCII, in which an index serves them on SQLite.

    PostgreSQL's databases have orders of their own, in which other things than special kinds and what lies
    below a line may stand within.
    """
    semantic, path = (
        column if collation is None else column.collate(collation)
        for column in (Signal.semantic, Signal.path)
    )
    found: list[ColumnElement[bool]] = []
    if wanted.kind:
        # "/" follows ".".
        special = (semantic >= f"{wanted.kind}.") & (semantic < f"{wanted.kind}/")
        found.append(or_(Signal.semantic == wanted.kind, special))
    if wanted.unit:
        found.append(Signal.unit == wanted.unit)
    if wanted.line:
        # "0" follows "/".
        found += [path >= f"{wanted.line}/", path < f"{wanted.line}0"]
    return found


def _line_terms(wanted: SignalSearch) -> list[str]:
    line = normal(wanted.line)
    return [f"{line}/"] if len(line) > 1 else []


def _matched(query: Select[Any], scope: TenantScope, terms: list[str], after: int) -> Select[Any]:
    """The signals of a tenant that SQLite's full text index finds, in the order of its rows."""
    index = table("signal_search", plain_column("rowid"))
    base = scope.tenant_id << _SHIFT
    # A quotation mark in a term is doubled, so that nothing of it is taken for the index's own language.
    asked = " AND ".join('"' + term.replace('"', '""') + '"' for term in terms)
    return (
        query.join(index, literal_column("signal_search.rowid") - base == Signal.id)
        .where(
            text("signal_search MATCH :asked").bindparams(asked=asked),
            index.c.rowid > base + after,
            index.c.rowid < base + (1 << _SHIFT),
        )
        .order_by(index.c.rowid)
    )


def _among(
    session: Session, scope: TenantScope, wanted: SignalSearch, terms: list[str], after: int
) -> list[SignalInfo]:
    """Of the few signals that a narrowed scope has."""
    mine = sorted(number for number in scope.signals or () if number > after)
    known: set[int] = set()
    for part in chunks(mine):
        query = select(Signal.id).where(Signal.tenant_id == scope.tenant_id, Signal.id.in_(part))
        known |= set(session.scalars(query))
    return [
        one for one in find_signals(session, scope, [number for number in mine if number in known])
        if all(term in search_text(one.path, one.name_zh, one.name_en) for term in terms)
        and (not wanted.kind or f"{one.semantic}.".startswith(f"{wanted.kind}."))
        and (not wanted.unit or one.unit == wanted.unit)
        and (not wanted.line or one.path.startswith(f"{wanted.line}/"))
    ]  # fmt: skip
