"""Retention over a manifest and files of the test's own; crashes at every step."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store.lifecycle.policy import (
    Policies,
    PolicyChange,
    PolicyDefaults,
    change_policy,
    place_hold,
    release_hold,
)
from tundish_platform.store.lifecycle.retention import (
    GAP_MARGIN,
    DayPart,
    Level,
    Retention,
    pending_files,
    removed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from conftest import Clock, Town
    from sqlalchemy.orm import Session

NOW = datetime(2026, 6, 30, 15, tzinfo=UTC)
DEFAULTS = PolicyDefaults(raw_days=10, rollup_60_days=20, rollup_3600_days=30)
manifest = MetaData()
named = Table(
    "named", manifest, Column("path", String, primary_key=True), Column("tenant", Integer),
    Column("kind", String), Column("day", String), Column("level", String),
)  # fmt: skip


class Crash(BaseException):
    """The process ends here."""


class Place:
    """Files of 10 bytes below a folder, and a manifest that names them; ends at a step on request."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder
        self.seen: Counter[str] = Counter()
        self.crash_at = ""
        self.locked: set[str] = set()
        self.alone_with: int | None = None
        manifest.create_all(town.metadata.engine)

    def put(self, slug: str, day: date, kind: str = "numeric", levels: Sequence[str] = ("raw",)) -> None:
        tenant = self.town.numbers[slug]
        for level in levels:
            path = f"{tenant}-{kind}-{day}-{level}-{self.seen['put']}"
            (self.folder / path).write_bytes(b"x" * 10)
            with self.town.metadata.session() as session:
                row = {"path": path, "tenant": tenant, "kind": kind, "day": str(day), "level": level}
                session.execute(insert(named).values(row))
        self.seen["put"] += 1

    def names(self) -> set[str]:
        with self.town.metadata.session() as session:
            return set(session.scalars(select(named.c.path)))

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def step(self, name: str) -> None:
        self.seen[name] += 1
        if self.crash_at == name:
            raise Crash(name)

    def gather(self, tenant_id: int) -> None:
        del tenant_id
        self.step("gather")

    @contextmanager
    def alone(self, tenant_id: int) -> Iterator[None]:
        self.alone_with = tenant_id
        yield
        self.alone_with = None

    def has(self, tenant_id: int) -> bool:
        return tenant_id in self.town.numbers.values()

    def oldest(self) -> Mapping[int, date]:
        self.step("oldest")
        with self.town.metadata.session() as session:
            return {row.tenant: date.fromisoformat(row.day) for row in session.execute(select(named))}

    def days(
        self, tenant_id: int, level: Level, kinds: Sequence[SampleKind], before: date, most: int
    ) -> list[tuple[SampleKind, date]]:
        wanted = select(named.c.kind, named.c.day).distinct().where(
            named.c.tenant == tenant_id, named.c.level == level, named.c.kind.in_(kinds),
            named.c.day < str(before),
        )  # fmt: skip
        with self.town.metadata.session() as session:
            found = session.execute(wanted.order_by(named.c.day).limit(most))
            return [(SampleKind(kind), date.fromisoformat(day)) for kind, day in found]

    def settle(self, tenant_id: int, kind: SampleKind, day: date) -> None:
        del kind, day
        assert self.alone_with == tenant_id
        self.step("settle")

    def drop(self, session: Session, tenant_id: int, kind: SampleKind, day: date, level: Level) -> DayPart:
        assert self.alone_with == tenant_id
        mine = (
            named.c.tenant == tenant_id,
            named.c.kind == kind,
            named.c.day == str(day),
            named.c.level == level,
        )
        paths = tuple(session.scalars(select(named.c.path).where(*mine)))
        session.execute(delete(named).where(*mine))
        self.step("drop")
        return DayPart(kind, day, level, paths, 100 * len(paths), 10 * len(paths))

    def forget(self, tenant_id: int, part: DayPart) -> None:
        del tenant_id, part
        self.step("forget")

    def publish(self, tenant_id: int, kind: SampleKind, days: Sequence[date]) -> None:
        del tenant_id, kind, days
        self.step("publish")

    def removable(self, tenant_id: int, paths: Sequence[str]) -> set[str]:
        del tenant_id
        return set(paths) - self.locked

    def remove(self, tenant_id: int, paths: Sequence[str]) -> None:
        del tenant_id
        for path in paths:
            (self.folder / path).unlink(missing_ok=True)
        self.step("remove")


@pytest.fixture
def place(town: Town, tmp_path: Path) -> Place:
    (tmp_path / "files").mkdir()
    return Place(town, tmp_path / "files")


@pytest.fixture
def make(town: Town, place: Place, clock: Clock) -> Callable[..., Retention]:
    def new(defaults: PolicyDefaults = DEFAULTS, now: datetime = NOW) -> Retention:
        return Retention(
            town.metadata, Policies(town.metadata, defaults), place, lambda: now, clock
        )  # fmt: skip

    return new


def ago(days: int) -> date:
    return (NOW - timedelta(days=days)).date()


def run(retention: Retention) -> None:
    while retention.turn(3):
        pass


def days_left(place: Place, level: str = "raw", kind: str = "numeric") -> list[int]:
    found = {p.split("-", 2)[2] for p in place.names() if f"-{kind}-" in p and f"-{level}-" in p}
    return sorted((NOW.date() - date.fromisoformat(p[:10])).days for p in found)


def test_levels_go_one_after_the_other_and_a_day_only_when_its_last_instant_is_too_old(
    place: Place, make: Callable[..., Retention]
) -> None:
    for age in (1, 9, 10, 11, 19, 20, 21, 29, 30, 31, 100):
        place.put("steel", ago(age), levels=("raw", "60", "3600"))
    run(make())
    # Of the day ten days ago the hours after 15:00 are younger than ten days.
    assert days_left(place) == [1, 9, 10]
    assert days_left(place, "60") == [1, 9, 10, 11, 19, 20]
    assert days_left(place, "3600") == [1, 9, 10, 11, 19, 20, 21, 29, 30]
    assert place.files() == place.names()


def test_for_ever_is_for_ever(place: Place, make: Callable[..., Retention]) -> None:
    place.put("steel", ago(10_000), levels=("raw", "60", "3600"))
    run(make(PolicyDefaults()))
    assert len(place.files()) == 3


def test_gaps_stay_longer_than_the_last_rollup(place: Place, make: Callable[..., Retention]) -> None:
    for age in (11, 31, 30 + GAP_MARGIN.days, 31 + GAP_MARGIN.days):
        place.put("steel", ago(age), kind="gap")
    run(make())
    assert days_left(place, kind="gap") == [11, 31, 30 + GAP_MARGIN.days]


def test_text_and_arrays_go_with_the_raw_rows(place: Place, make: Callable[..., Retention]) -> None:
    for kind in ("text", "array", "integer"):
        place.put("steel", ago(11), kind=kind)
    run(make())
    assert place.files() == set()
    assert place.seen["settle"] == 1, "only numbers have rollups to be settled"


def test_nothing_goes_under_a_hold_and_goes_on_behind_it(
    town: Town, place: Place, make: Callable[..., Retention], clock: Clock
) -> None:
    place.put("steel", ago(50), levels=("raw", "60", "3600"))
    place.put("power", ago(50))
    scope = town.operates("steel")
    with town.metadata.session() as session:
        place_hold(session, scope, "case 7")
    retention = make()
    run(retention)
    assert {name[0] for name in place.files()} == {str(town.numbers["steel"])}
    assert len(place.files()) == 3
    with town.metadata.session() as session:
        release_hold(session, scope)
    clock.seconds += 3601
    run(retention)
    assert place.files() == set()


def test_a_hold_that_comes_between_the_plan_and_the_deed_wins(
    town: Town, place: Place, make: Callable[..., Retention], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put("steel", ago(50))

    def settle(*_: object) -> None:
        with town.metadata.session() as session:
            place_hold(session, town.operates("steel"), "at the last moment")

    monkeypatch.setattr(place, "settle", settle)
    run(make())
    assert len(place.files()) == 1
    assert place.files() == place.names()


def test_a_hold_keeps_files_that_a_reader_still_held_back(
    town: Town, place: Place, make: Callable[..., Retention]
) -> None:
    place.put("steel", ago(50))
    place.locked = place.files()
    retention = make()
    run(retention)
    with town.metadata.session() as session:
        assert pending_files(session) == {(town.numbers["steel"], next(iter(place.locked)))}
        place_hold(session, town.operates("steel"), "case 7")
    place.locked = set()
    retention.finish()
    assert len(place.files()) == 1
    with town.metadata.session() as session:
        release_hold(session, town.operates("steel"))
    assert retention.finish() == 1
    assert place.files() == set()


STEPS = ("settle", "drop", "forget", "publish", "remove")


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_nothing_else_and_is_made_good(
    town: Town, place: Place, make: Callable[..., Retention], step: str
) -> None:
    for age in (5, 12, 13):
        place.put("steel", ago(age))
        place.put("power", ago(age))
    place.crash_at = step
    with pytest.raises(Crash):
        run(make())
    assert place.names() <= place.files(), "a named file is gone"
    with town.metadata.session() as session:
        unnamed = place.files() - place.names()
        assert unnamed <= {path for _, path in pending_files(session)}, "a file that nobody would remove"
    place.crash_at = ""
    again = make()
    again.finish()
    run(again)
    assert days_left(place) == [5, 5]
    assert place.files() == place.names()
    with town.metadata.session() as session:
        for slug in ("steel", "power"):
            (found,) = removed(session, town.scope(slug), date(2000, 1, 1), date(2100, 1, 1))
            assert (found.start, found.end, found.rows, found.bytes) == (ago(13), ago(11), 200, 20)
        assert pending_files(session) == set()


def test_what_went_is_told_by_days_levels_and_policy(
    town: Town, place: Place, make: Callable[..., Retention]
) -> None:
    for age in (11, 12, 14, 40):
        place.put("steel", ago(age), levels=("raw", "60"))
    run(make())
    with town.metadata.session() as session:
        found = removed(session, town.scope("steel"), ago(30), NOW.date())
        assert [(r.level, r.start, r.end, r.rows, r.days) for r in found] == [
            (Level.RAW, ago(14), ago(13), 100, 10),
            (Level.RAW, ago(12), ago(10), 200, 10),
        ]
        assert {r.removed_at for r in found} == {NOW}
        assert removed(session, town.scope("power"), ago(50), NOW.date()) == []
        everything = removed(session, town.scope("steel"), ago(50), NOW.date())
        assert [(r.level, r.days) for r in everything if r.start == ago(40)] == [
            (Level.MINUTE, 20),
            (Level.RAW, 10),
        ]


def test_a_tenants_trouble_stops_no_other_and_is_told_until_it_is_over(
    place: Place, make: Callable[..., Retention], monkeypatch: pytest.MonkeyPatch, town: Town, clock: Clock
) -> None:
    steel, power = town.numbers["steel"], town.numbers["power"]
    for slug in ("steel", "power"):
        place.put(slug, ago(50))
    drop, full = place.drop, {steel, power}

    def broken(session: Session, tenant_id: int, *rest: Any) -> DayPart:  # noqa: ANN401 - passed on
        if tenant_id in full:
            raise OSError("disk")
        return drop(session, tenant_id, *rest)

    def told() -> list[int]:
        run(retention)
        assert all(problem.endswith("disk") for problem in retention.problems)
        clock.seconds += 3601
        return [int(problem.removeprefix("tenant ").partition(":")[0]) for problem in retention.problems]

    monkeypatch.setattr(place, "drop", broken)
    retention = make()
    assert told() == [steel, power]
    assert len(place.files()) == 2
    full.remove(power)
    assert told() == [steel]
    assert {name[0] for name in place.files()} == {str(steel)}


def test_steps_are_small_and_tenants_take_turns(place: Place, make: Callable[..., Retention]) -> None:
    for age in range(40, 60):
        place.put("steel", ago(age))
    place.put("power", ago(50))
    retention = make()
    assert retention.turn(4) == 4
    assert retention.turn(4) <= 4
    power = str(place.town.numbers["power"])
    assert power not in {name[0] for name in place.files()}, "not behind all of the other's"
    run(retention)
    assert place.files() == set()


def test_between_passes_a_turn_asks_nobody(
    place: Place, make: Callable[..., Retention], clock: Clock
) -> None:
    retention = make()
    run(retention)
    asked = place.seen["oldest"]
    for _ in range(100):
        retention.turn()
    assert place.seen["oldest"] == asked
    clock.seconds += 3601
    retention.turn()
    assert place.seen["oldest"] == asked + 1


def test_a_clock_set_forward_does_not_empty_the_store(town: Town, place: Place, clock: Clock) -> None:
    place.put("steel", ago(5))
    wall = [NOW]
    retention = Retention(town.metadata, Policies(town.metadata, DEFAULTS), place, lambda: wall[0], clock)
    wall[0] = NOW + timedelta(days=365 * 70)
    clock.seconds += 7200
    run(retention)
    assert days_left(place) == [5]
    assert retention.now() == NOW + timedelta(hours=3)
    wall[0] = NOW - timedelta(days=1)
    assert retention.now() == wall[0]


def numbers(*ages: float) -> SampleBatch:
    rows = [(1, NOW - timedelta(days=age), 1.0, 0) for age in ages]
    arrays = [pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), SCHEMAS["numeric"], strict=True)]
    return SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=SCHEMAS["numeric"]), NOW)


def test_rows_for_removed_days_are_not_taken_and_the_append_learns_how_many(
    town: Town, make: Callable[..., Retention]
) -> None:
    retention = make()
    steel = town.numbers["steel"]
    young = numbers(0, 3, 10.5)
    assert retention.take(steel, young) == (young, 0), "the day ten days ago is still there"
    kept, late = retention.take(steel, numbers(0, 12, 3, 12, 40, 13))
    assert (len(kept), late) == (2, 4)
    assert kept.table["ts"].to_pylist() == [NOW, NOW - timedelta(days=3)]
    retention.take(steel, numbers(12))
    retention.take(999, numbers(12))
    retention.write_late()
    with town.metadata.session() as session:
        found = removed(session, town.scope("steel"), ago(100), NOW.date())
    assert [(r.level, r.start, r.end, r.rows) for r in found] == [
        (Level.LATE, ago(40), ago(39), 1),
        (Level.LATE, ago(13), ago(11), 4),
    ]


def test_under_a_hold_or_without_limits_late_rows_are_taken(
    town: Town, make: Callable[..., Retention]
) -> None:
    steel = town.numbers["steel"]
    assert make(PolicyDefaults()).take(steel, numbers(5000))[1] == 0
    with town.metadata.session() as session:
        place_hold(session, town.operates("steel"), "case 7")
    assert make().take(steel, numbers(50))[1] == 0


def test_retention_that_was_lengthened_meanwhile_holds(
    town: Town, place: Place, make: Callable[..., Retention]
) -> None:
    place.put("steel", ago(15))
    retention = make()
    with town.metadata.session() as session:
        change_policy(session, town.operates("steel"), PolicyChange(raw_days=18), DEFAULTS)
    run(retention)
    assert days_left(place) == [15]
