"""Heartbeats: what each source says of itself, and when it last said anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from tundish_platform.assets.models import Signal, Source
from tundish_platform.assets.places import lying_in
from tundish_platform.assets.signals import MAX_LENGTHS, MAX_SOURCE_NAME
from tundish_platform.tenancy import Permission, within
from tundish_platform.tenancy.kept import SCOPE, objects_of
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

# A source says something every few seconds; after this long its last word is no longer believed.
STALE_AFTER = timedelta(seconds=60)
MAX_SOURCES = 1_000
_SOURCES: Final = select(Source).where(Source.tenant_id == SCOPE.tenant_id).order_by(Source.name)

_Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
# A zero character is the one thing JSON may carry and PostgreSQL cannot keep.
_Path = Annotated[str, Field(max_length=MAX_LENGTHS["path"], pattern=r"^[^\x00]*$")]
_Message = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Counts(_Part):
    """Samples since the source started, stage by stage: what came in must be found in one of the others."""

    received: _Count = 0
    queued: _Count = 0
    dropped: _Count = 0
    sent: _Count = 0
    thinned: _Count = 0


class FailedSignal(_Part):
    """A signal the source could not subscribe to, and the reason in its own words."""

    path: _Path
    reason: _Message


class SourceSignals(_Part):
    """How the source's signals are.

    Attributes:
        subscribed: how many it listens to.
        failed: those it cannot listen to.
        silent: paths it listens to that have sent nothing for much longer than they should.
    """

    subscribed: _Count = 0
    failed: Annotated[tuple[FailedSignal, ...], Field(max_length=10_000)] = ()
    silent: Annotated[tuple[_Path, ...], Field(max_length=10_000)] = ()


class Heartbeat(_Part):
    """What a source says of itself.

    Attributes:
        state: of its connection to what it collects from.
        message_zh, message_en: what is going on, for the person who looks after it.
        counts: samples, stage by stage.
        spool_hours_left: hours of data its spool can still take at the present rate; absent without a spool.
        signals: how its signals are.
    """

    state: Literal["running", "connecting", "down"]
    message_zh: _Message = ""
    message_en: _Message = ""
    counts: Counts = Counts()
    spool_hours_left: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    signals: SourceSignals = SourceSignals()


class SourceInfo(Heartbeat):
    """A source as the tenant sees it.

    Attributes:
        name: of the source.
        seen_at: when the last heartbeat came, by the platform's clock.
        stale: nothing was heard for `STALE_AFTER`, so ``state`` is only what it said last.
    """

    name: str
    seen_at: datetime
    stale: bool


class SourceRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The name is unusable, or the tenant has `MAX_SOURCES` sources already."""


def save_heartbeat(session: Session, scope: TenantScope, name: str, heartbeat: Heartbeat) -> None:
    """Remember a source's last word.

    Raises:
        AccessDenied: the scope may not ingest.
        SourceRefused: the name is unusable, or there are too many sources.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    if not name or len(name) > MAX_SOURCE_NAME or not name.isprintable():
        raise SourceRefused(f"a source's name needs 1 to {MAX_SOURCE_NAME} printable characters")
    mine = Source.tenant_id == scope.tenant_id
    known = session.scalar(select(Source.name).where(mine, Source.name == name))
    if known is None and (session.scalar(select(func.count()).where(mine)) or 0) >= MAX_SOURCES:
        raise SourceRefused(f"a tenant has at most {MAX_SOURCES} sources")
    kept = {"heartbeat": heartbeat.model_dump(mode="json"), "seen_at": datetime.now(UTC)}
    statement = insert_into(session, Source).values(tenant_id=scope.tenant_id, name=name, **kept)
    session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "name"], set_=kept))


def list_sources(session: Session, scope: TenantScope) -> list[SourceInfo]:
    """All sources of the tenant, by name; of a scope limited to places those that declared signals there."""
    scope.require(Permission.READ)
    query = _SOURCES
    if (places := scope.limits.get(Permission.READ)) is not None:
        there = Signal.tenant_id == scope.tenant_id, lying_in(Signal.path, places)
        query = query.where(Source.name.in_(select(Signal.source).where(*there)))
    return [_told(row, places) for row in objects_of(session, scope, query)]


def _told(row: Source, places: frozenset[str] | None) -> SourceInfo:
    stale = datetime.now(UTC) - row.seen_at > STALE_AFTER
    told = SourceInfo(name=row.name, seen_at=row.seen_at, stale=stale, **row.heartbeat)
    if places is None:
        return told
    # Its counts and words are about all its lines, its signals only about some.
    signals = told.signals.model_copy(
        update={
            "failed": tuple(one for one in told.signals.failed if within(one.path, places)),
            "silent": tuple(path for path in told.signals.silent if within(path, places)),
        }
    )
    return told.model_copy(update={"signals": signals, "message_zh": "", "message_en": ""})
