"""Retention: whole days go when a policy says so, finest level first, and what went is written down.

For one level of one kind and day, in this order: the manifest forgets the files and a record of it is made,
in one transaction; then the tenant's Delta table lets them go; then they are removed. A crash anywhere leaves
a record that is taken up again, and never a named file that is gone.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from sqlalchemy import select

from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.late import split_late
from tundish_platform.store.lifecycle.policy import Policies, Policy, effective, is_held, lock_tenant
from tundish_platform.store.lifecycle.tables import RetentionRecord, StorePolicy
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session

    from tundish_platform.samples import SampleBatch
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope


class Level(StrEnum):
    """What may go apart from the rest; `LATE` only marks rows that were not taken."""

    RAW = "raw"
    MINUTE = "60"
    HOUR = "3600"
    LATE = "late"


LEVELS: Final = (Level.RAW, Level.MINUTE, Level.HOUR)
ROLLED_UP: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)
GAP_MARGIN: Final = timedelta(days=366)
"""Gaps stay so much longer than the last rollup: one that began long ago may reach into what is kept."""

_STEP_BELIEVED: Final = timedelta(hours=1)
_PASS_EVERY_S: Final = 3600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DayPart:
    """All files of one level of one kind and UTC day.

    Attributes:
        paths: below the tenant's folder.
        rows, bytes: in all of them.
    """

    kind: SampleKind
    day: date
    level: Level
    paths: tuple[str, ...]
    rows: int
    bytes: int


class RetentionPlace(Protocol):
    """What retention asks of manifest, files and published table; only the writer's background turn calls."""

    def gather(self, tenant_id: int) -> None:
        """Bring the tenant's waiting rows into segments."""
        ...

    def alone(self, tenant_id: int) -> AbstractContextManager[None]:
        """Nobody else changes the tenant's segments until it is left."""
        ...

    def oldest(self) -> Mapping[int, date]:
        """By tenant, the oldest day of which anything is named."""
        ...

    def has(self, tenant_id: int) -> bool:
        """Whether the tenant's files are this process's to remove."""
        ...

    def days(
        self, tenant_id: int, level: Level, kinds: Sequence[SampleKind], before: date, most: int
    ) -> list[tuple[SampleKind, date]]:
        """Days before that one of which the manifest names files of the level, oldest first."""
        ...

    def settle(self, tenant_id: int, kind: SampleKind, day: date) -> None:
        """Bring a day's rollups into the shape they will be left in: made, and each bucket in one piece."""
        ...

    def drop(self, session: Session, tenant_id: int, kind: SampleKind, day: date, level: Level) -> DayPart:
        """Let the manifest forget a day's files of a level, in this transaction; says which they were."""
        ...

    def forget(self, tenant_id: int, part: DayPart) -> None:
        """Take them out of what queries see from now on."""
        ...

    def publish(self, tenant_id: int, kind: SampleKind, days: Sequence[date]) -> None:
        """Bring the tenant's Delta table up to the manifest; again is fine."""
        ...

    def removable(self, tenant_id: int, paths: Sequence[str]) -> set[str]:
        """Which of these files no query and no reader of the table needs any more."""
        ...

    def remove(self, tenant_id: int, paths: Sequence[str]) -> None:
        """Remove files durably; missing is fine."""
        ...


def edge(policy: Policy, kind: SampleKind, level: Level, now: datetime) -> date | None:
    """First UTC day that is kept, or None where all are: a day goes when its last instant is too old."""
    if policy.hold is not None:
        return None
    spans = {
        Level.RAW: policy.raw_days,
        Level.MINUTE: policy.rollup_60_days,
        Level.HOUR: policy.rollup_3600_days,
    }
    span = spans[Level.HOUR if kind is SampleKind.GAP else level]
    if span is None:
        return None
    kept = timedelta(days=span) + (GAP_MARGIN if kind is SampleKind.GAP else timedelta())
    return (now.astimezone(UTC) - kept).date()


class Retention:
    """Applies policies in small steps.

    Args:
        metadata: database of manifest, policies and records.
        policies: of all tenants.
        place: where the files are.
        now: the wall clock.
        clock: monotonic seconds; the wall clock is not believed when it runs ahead of it.
    """

    def __init__(
        self,
        metadata: Metadata,
        policies: Policies,
        place: RetentionPlace,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metadata = metadata
        self._policies = policies
        self._place = place
        self._wall = now
        self._clock = clock
        self._started = (now(), clock())
        self._next_pass = clock()
        self._waiting: deque[int] = deque()
        self._late: Counter[tuple[int, SampleKind, date]] = Counter()
        self._late_lock = threading.Lock()
        self._failed: dict[int, str] = {}

    @property
    def problems(self) -> list[str]:
        """What could not be removed at the last try, in words."""
        return [f"tenant {number}: {text}" for number, text in sorted(self._failed.items())]

    def now(self) -> datetime:
        """The wall clock, or what it can be at most: a clock set forward must not empty the store."""
        wall, clock = self._started
        passed = timedelta(seconds=self._clock() - clock)
        return min(self._wall(), wall + passed + _STEP_BELIEVED)

    def take(self, tenant_id: int, batch: SampleBatch) -> tuple[SampleBatch, int]:
        """The rows of a batch that are young enough to be kept, and how many are not.

        Rows for days that retention has removed would go again at its next pass, so they are not
        acknowledged as stored: the append says how many it left out, and the day's record counts them.
        """
        policy = self._policies.of(tenant_id)
        if policy.raw_days is None and policy.rollup_3600_days is None:
            return batch, 0
        first = edge(policy, batch.kind, Level.RAW, self.now())
        if first is None:
            return batch, 0
        kept, late = split_late(batch, first)
        if late:
            with self._late_lock:
                self._late.update({(tenant_id, batch.kind, day): rows for day, rows in late.items()})
        return kept, sum(late.values())

    def due(self, tenant_id: int, most: int) -> list[tuple[Level, SampleKind, date]]:
        """Whole days that the tenant's policy lets go, the finest level first."""
        policy, now = self._policies.of(tenant_id), self.now()
        found: list[tuple[Level, SampleKind, date]] = []
        for level in LEVELS:
            for kinds in ((SampleKind.GAP,), _kinds(level)):
                first = edge(policy, kinds[0], level, now)
                if first is None or (level is not Level.RAW and kinds[0] is SampleKind.GAP):
                    continue
                days = self._place.days(tenant_id, level, kinds, first, most - len(found))
                found += [(level, kind, day) for kind, day in days]
                if len(found) >= most:
                    return found
        return found

    def turn(self, most: int = 8) -> int:
        """One bounded step in the background; returns how many days of a level went.

        An hour after all is done it looks again. One tenant's trouble does not stop the others.
        """
        self.write_late()
        if not self._waiting:
            if self._clock() < self._next_pass:
                return 0
            self._begin_pass()
        removed = 0
        while self._waiting and removed < most:
            tenant_id = self._waiting.popleft()
            done = self._one(tenant_id, most - removed)
            removed += done
            if done:
                # Behind the others: a tenant with years to remove must not hold them up.
                self._waiting.append(tenant_id)
        return removed

    def finish(self, tenant_id: int | None = None) -> int:
        """Remove files whose records say they have to go; returns how many went. Call it at each start."""
        query = select(RetentionRecord).where(RetentionRecord.unfinished)
        if tenant_id is not None:
            query = query.where(RetentionRecord.tenant_id == tenant_id)
        with self._metadata.session() as session:
            found = [
                (r.tenant_id, r.kind, r.day, r.level, r.pending)
                for r in session.scalars(query)
                if self._place.has(r.tenant_id)
            ]
        return sum(self._finish_one(*entry) for entry in found)

    def write_late(self) -> None:
        """Write down what was not taken since the last time."""
        with self._late_lock:
            late, self._late = self._late, Counter()
        if not late:
            return
        now = self.now()
        with self._metadata.session() as session:
            there = set(session.scalars(select(Tenant.id).where(Tenant.id.in_({key[0] for key in late}))))
            for (tenant_id, kind, day), rows in late.items():
                if tenant_id not in there:
                    continue
                days = self._policies.of(tenant_id).raw_days or 0
                _record(session, tenant_id, DayPart(kind, day, Level.LATE, (), rows, 0), days, now)
        log.warning("rows older than retention keeps were not taken", rows=late.total())

    def _begin_pass(self) -> None:
        self._next_pass = self._clock() + _PASS_EVERY_S
        self._policies.refresh()
        self.finish()
        self._waiting.extend(self._place.oldest())

    def _one(self, tenant_id: int, most: int) -> int:
        try:
            due = self.due(tenant_id, most)
            if due:
                self._place.gather(tenant_id)
            removed = sum(self._remove(tenant_id, *entry) for entry in due)
        except Exception as error:
            self._failed[tenant_id] = f"retention failed and is tried again: {error}"
            log.exception("retention failed", tenant=tenant_id)
            return 0
        self._failed.pop(tenant_id, None)
        return removed

    def _remove(self, tenant_id: int, level: Level, kind: SampleKind, day: date) -> int:
        with self._place.alone(tenant_id):
            part = self._dropped(tenant_id, level, kind, day)
        if part is None:
            return 0
        log.info("retention removed a day", tenant=tenant_id, kind=kind, day=str(day), of=level)
        self._finish_one(tenant_id, kind, day, level, list(part.paths))
        return 1

    def _dropped(self, tenant_id: int, level: Level, kind: SampleKind, day: date) -> DayPart | None:
        """Let the manifest forget what is due, and write it down."""
        if level is Level.RAW and kind in ROLLED_UP:
            self._place.settle(tenant_id, kind, day)
        with self._metadata.session() as session:
            lock_tenant(session, tenant_id)
            row = session.get(StorePolicy, tenant_id, populate_existing=True)
            policy = effective(row, self._policies.defaults)
            # Once more, alone: somebody may have put a hold on, or lengthened retention.
            first = edge(policy, kind, level, self.now())
            if first is None or day >= first:
                return None
            part = self._place.drop(session, tenant_id, kind, day, level)
            if not part.paths:
                return None
            _record(session, tenant_id, part, _span(policy, level, kind), self.now())
        self._place.forget(tenant_id, part)
        return part

    def _finish_one(self, tenant_id: int, kind: str, day: date, level: str, pending: Sequence[str]) -> int:
        with self._metadata.session() as session:
            if is_held(session, tenant_id):
                return 0
        if level == Level.RAW:
            self._place.publish(tenant_id, SampleKind(kind), [day])
        gone = self._place.removable(tenant_id, pending)
        self._place.remove(tenant_id, sorted(gone))
        with self._metadata.session() as session:
            row = session.get(RetentionRecord, (tenant_id, kind, day, level))
            if row is not None:
                row.pending = [path for path in row.pending if path not in gone]
                row.unfinished = bool(row.pending)
        return len(gone)


@dataclass(frozen=True, slots=True)
class Removed:
    """Days of one kind and level that retention removed, following each other: ``[start, end)``.

    Attributes:
        level: `Level.LATE` for rows that came too late and were not taken.
        days: how long the policy kept that level at the last removal.
    """

    kind: SampleKind
    level: Level
    start: date
    end: date
    rows: int
    bytes: int
    days: int
    removed_at: datetime


def removed(session: Session, scope: TenantScope, start: date, end: date) -> list[Removed]:
    """What retention removed of UTC days in ``[start, end)``, so that nobody takes it for missing."""
    scope.require(Permission.READ)
    query = (
        select(RetentionRecord)
        .where(RetentionRecord.tenant_id == scope.tenant_id)
        .where(RetentionRecord.day >= start, RetentionRecord.day < end)
        .order_by(RetentionRecord.kind, RetentionRecord.level, RetentionRecord.day)
    )
    found: list[Removed] = []
    for row in session.scalars(query):
        following = row.day + timedelta(days=1)
        kind, level = SampleKind(row.kind), Level(row.level)
        last = found[-1] if found else None
        if last is not None and (last.kind, last.level, last.end) == (kind, level, row.day):
            found[-1] = replace(
                last, end=following, rows=last.rows + row.rows, bytes=last.bytes + row.bytes,
                days=row.days, removed_at=max(last.removed_at, row.removed_at),
            )  # fmt: skip
        else:
            found.append(
                Removed(kind, level, row.day, following, row.rows, row.bytes, row.days, row.removed_at)
            )
    return found


def pending_files(session: Session) -> set[tuple[int, str]]:
    """Files that retention still has to remove, as (tenant, path): no foundlings to be put aside."""
    rows = session.scalars(select(RetentionRecord).where(RetentionRecord.unfinished))
    return {(row.tenant_id, path) for row in rows for path in row.pending}


def _kinds(level: Level) -> tuple[SampleKind, ...]:
    return (
        tuple(kind for kind in SampleKind if kind is not SampleKind.GAP) if level is Level.RAW else ROLLED_UP
    )


def _span(policy: Policy, level: Level, kind: SampleKind) -> int:
    spans = {Level.RAW: policy.raw_days, Level.MINUTE: policy.rollup_60_days}
    found = policy.rollup_3600_days if kind is SampleKind.GAP else spans.get(level, policy.rollup_3600_days)
    return found or 0


def _record(session: Session, tenant_id: int, part: DayPart, days: int, now: datetime) -> None:
    key = (tenant_id, part.kind.value, part.day, part.level.value)
    row = session.get(RetentionRecord, key)
    if row is None:
        row = RetentionRecord(
            tenant_id=tenant_id, kind=part.kind.value, day=part.day, level=part.level.value,
            rows=0, bytes=0, pending=[],
        )  # fmt: skip
        session.add(row)
    row.rows += part.rows
    row.bytes += part.bytes
    row.days, row.removed_at = days, now
    row.pending = [*row.pending, *part.paths]
    row.unfinished = bool(row.pending)
