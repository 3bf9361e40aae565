"""Removing a tenant: afterwards no file below the root holds a byte that only it had."""

from __future__ import annotations

import shutil
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event, select, update

from tundish_platform.assets.models import Signal
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, decode_batch, encode_batch
from tundish_platform.store import FileLog
from tundish_platform.store.lifecycle import traces
from tundish_platform.store.lifecycle.policy import place_hold
from tundish_platform.store.lifecycle.removal import (
    RemovalRefused,
    Removals,
    TracesLeft,
    begin_removal,
    open_removals,
    removing,
)
from tundish_platform.store.lifecycle.tables import TenantRemoval
from tundish_platform.tenancy import AccessDenied, Role
from tundish_platform.tenancy.accounts import (
    check_token,
    create_tenant,
    create_token,
    create_user,
    principal_of_user,
)
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Town
    from sqlalchemy.orm import Session

NUMBER = 1234567.890123
WORDS = {"first": "Erstling-first-66", "steel": "Kanarienvogel-steel-77", "power": "Zeisig-power-88"}
CANARIES = (b"Kanarienvogel-steel-77", struct.pack("<d", NUMBER), "金丝雀信号钢七十七".encode())
STEPS = ("close_tenant", "clear_log", "clear_first_level", "clear_folder", "leftovers", "scrub")


def all_numbers(town: Town) -> dict[str, int]:
    """Also the first tenant's, whose data shows who takes it for another's."""
    return {"first": 1, **town.numbers}


class Crash(BaseException):
    """The process ends here."""


def batch(word: str, number: float) -> tuple[SampleBatch, SampleBatch]:
    ts = datetime(2026, 3, 1, tzinfo=UTC)
    made = []
    for kind, value in ((SampleKind.TEXT, word), (SampleKind.NUMERIC, number)):
        table = pa.table([[1], [ts], [value], [0]], schema=SCHEMAS[kind])
        made.append(SampleBatch(kind, table, ts))
    return made[0], made[1]


class Place:
    """A log and a first-level file shared by the tenants, and a folder of Parquet files each."""

    def __init__(self, town: Town, root: Path) -> None:
        self.numbers, self._root = all_numbers(town), root
        self.closed: list[int] = []
        self.crash_at = self.forgets = ""
        self.first_level = root / "first-level"
        for slug, word in WORDS.items():
            number = NUMBER if slug == "steel" else 1.0
            folder = root / "tenants" / slug
            folder.mkdir(parents=True)
            for one in batch(word, number):
                pq.write_table(one.table, folder / f"{one.kind}.parquet", compression="none")
        self.log = FileLog(root / "log")
        self._append_all()

    def _append_all(self) -> None:
        level = []
        for slug, word in WORDS.items():
            number = NUMBER if slug == "steel" else 1.0
            payloads = [encode_batch(one) for one in batch(word, number)]
            self.log.append(self.numbers[slug], payloads)
            level.append(payloads[0])
        self.first_level.write_bytes(b"".join(level))

    @property
    def root(self) -> Path:
        return self._root

    def step(self, name: str) -> bool:
        if self.crash_at == name:
            raise Crash(name)
        return self.forgets != name

    def close_tenant(self, tenant_id: int) -> None:
        self.step("close_tenant")
        self.closed.append(tenant_id)

    def clear_log(self, tenant_id: int) -> None:
        if self.step("clear_log"):
            kept = [record for record in self.log.replay() if record.tenant != tenant_id]
            self.log.release(self.log.next_sequence)
            for record in kept:
                self.log.append(record.tenant, [record.payload])

    def clear_first_level(self, tenant_id: int) -> None:
        if self.step("clear_first_level"):
            kept = [slug for slug, number in self.numbers.items() if number != tenant_id]
            self.first_level.write_bytes(b"".join(encode_batch(batch(WORDS[slug], 1.0)[0]) for slug in kept))

    def clear_folder(self, tenant_id: int, slug: str) -> Mapping[str, int]:
        assert slug, "without a name that would be everybody's folder"
        assert self.numbers[slug] == tenant_id
        folder = self._root / "tenants" / slug
        files = list(folder.glob("*"))
        if self.step("clear_folder"):
            shutil.rmtree(folder, ignore_errors=True)
        return {"files": len(files)}

    def leftovers(self, tenant_id: int, slug: str) -> list[str]:
        self.step("leftovers")
        records = sum(record.tenant == tenant_id for record in self.log.replay())
        folder = bool(slug) and (self._root / "tenants" / slug).exists()
        return [f"{records} records in the log"] * bool(records) + ["the folder"] * folder


def signals(session: Session, town: Town) -> None:
    for slug, word in WORDS.items():
        # All have a signal of the same kit: its words are no marks of any.
        for number, path in enumerate(("Site/Line/Machine/Pump/Pressure", word), 1):
            session.add(
                Signal(
                    tenant_id=all_numbers(town)[slug], id=number, path=path, name_en=path, unit="",
                    step=False, name_zh="金丝雀信号钢七十七" if slug == "steel" else "泵压力", source="test",
                    kind="numeric", role="measurement", semantic="pressure.hydraulic",
                )
            )  # fmt: skip


@pytest.fixture
def place(town: Town, tmp_path: Path) -> Place:
    # Debian's SQLite overwrites what it deletes; others do not, and nothing may depend on it.
    event.listen(town.metadata.engine, "connect", lambda c, _: c.execute("PRAGMA secure_delete=OFF"))
    with town.metadata.session() as session:
        signals(session, town)
    return Place(town, tmp_path / "root")


def begin(town: Town, slug: str = "steel") -> int:
    with town.metadata.session() as session:
        return begin_removal(session, town.operates(slug), "contract ended")


def holding(root: Path) -> set[str]:
    """Files below the root with a canary in them."""
    return {
        path.relative_to(root).parts[0]
        for path in root.rglob("*")
        if path.is_file() and any(canary in path.read_bytes() for canary in CANARIES)
    }


def test_nothing_of_the_tenant_is_left_and_everything_of_the_others(town: Town, place: Place) -> None:
    before = holding(place.root)
    assert {"log", "tenants", "first-level"} <= before, "the search finds what is there"
    assert any(name.startswith("metadata.sqlite") for name in before)
    forgotten: list[int] = []
    removals = Removals(town.metadata, place, forgotten.append)
    number = begin(town)
    receipt = removals.run(number)
    assert holding(place.root) == set()
    assert forgotten == place.closed == [town.numbers["steel"]]
    assert receipt["files"] == 2
    assert receipt["traces"] == 0
    assert receipt["marks"] == 1
    assert receipt["metadata_rows"] >= 3
    assert {decode_batch(r.payload).kind for r in place.log.replay()} == {"text", "numeric"}
    with town.metadata.session() as session:
        assert list(session.scalars(select(Tenant.slug))) == ["first", "power"]
        assert len(list(session.scalars(select(Signal)))) == 4
        row = session.get_one(TenantRemoval, number)
        assert (row.step, row.slug, len(row.slug_digest)) == ("done", "", 64)
        assert row.finished_at is not None
    for other in ("first", "power"):
        assert (place.root / "tenants" / other / "text.parquet").exists()
        assert place.leftovers(place.numbers[other], other) == ["2 records in the log", "the folder"]


def test_deleting_rows_alone_leaves_them_in_the_database(
    town: Town, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "scrub", lambda _: None)
    with pytest.raises(TracesLeft, match="metadata"):
        Removals(town.metadata, place).run(begin(town))


@pytest.mark.parametrize("step", ["clear_log", "clear_first_level", "clear_folder"])
def test_a_step_that_does_nothing_is_noticed_and_made_good(town: Town, place: Place, step: str) -> None:
    place.forgets = step
    removals = Removals(town.metadata, place)
    number = begin(town)
    with pytest.raises(TracesLeft):
        removals.run(number)
    assert removals.turn() == 0
    assert len(removals.problems) == 1
    place.forgets = ""
    assert removals.turn() == 1
    assert open_removals(town.metadata) == []
    assert holding(place.root) == set()


@pytest.mark.parametrize("step", STEPS)
def test_a_removal_that_broke_off_goes_on_with_the_next_start(
    town: Town, place: Place, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = begin(town)
    place.crash_at = step
    with monkeypatch.context() as patch:
        if step == "scrub":
            patch.setattr(traces, "scrub", lambda _: place.step("scrub"))
        with pytest.raises(Crash):
            Removals(town.metadata, place).run(number)
    assert open_removals(town.metadata) == [number]
    place.crash_at = ""
    assert Removals(town.metadata, place).turn() == 1
    assert holding(place.root) == set()
    assert open_removals(town.metadata) == []


def test_what_comes_back_behind_the_rows_is_still_found_by_the_number(
    town: Town, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = begin(town, "power")
    place.crash_at = "scrub"
    with monkeypatch.context() as patch:
        patch.setattr(traces, "scrub", lambda _: place.step("scrub"))
        with pytest.raises(Crash):
            Removals(town.metadata, place).run(number)
    place.log.append(town.numbers["power"], [encode_batch(batch("late", 1.0)[0])])
    with pytest.raises(TracesLeft, match="1 records in the log"):
        Removals(town.metadata, place).run(number)
    assert Removals(town.metadata, place).turn() == 1
    assert place.leftovers(town.numbers["power"], "power") == []
    assert place.leftovers(place.numbers["first"], "first") == ["2 records in the log", "the folder"]


def test_a_removal_does_not_stand_for_another_tenants(town: Town, place: Place) -> None:
    numbers = {slug: begin(town, slug) for slug in ("steel", "power")}
    assert len(set(numbers.values())) == 2
    with town.metadata.session() as session:
        assert removing(session) == set(town.numbers.values())
    mine = {town.numbers["power"]}.__contains__
    assert open_removals(town.metadata, mine) == [numbers["power"]]
    assert Removals(town.metadata, place, mine=mine).turn() == 1
    assert open_removals(town.metadata) == [numbers["steel"]]
    assert place.closed == [town.numbers["power"]]


def test_a_number_that_was_given_again_is_left_alone(
    town: Town, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = begin(town, "power")
    place.crash_at = "scrub"
    with monkeypatch.context() as patch:
        patch.setattr(traces, "scrub", lambda _: place.step("scrub"))
        with pytest.raises(Crash):
            Removals(town.metadata, place).run(number)
    place.crash_at = ""
    with town.metadata.session() as session:
        assert removing(session) == set()
        made = create_tenant(session, "power", "新", "new").id
        fresh = town.numbers["power"]
        # Databases of other installations, brought back from a backup, may give a number again.
        session.execute(update(Tenant).where(Tenant.id == made).values(id=fresh))
    (place.root / "tenants" / "power").mkdir()
    closed = list(place.closed)
    assert Removals(town.metadata, place).turn() == 1
    assert place.closed == closed
    assert (place.root / "tenants" / "power").exists()
    with town.metadata.session() as session:
        assert session.get(Tenant, fresh) is not None


def test_the_name_goes_with_the_rows_so_that_the_next_of_that_name_keeps_its_folder(
    town: Town, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    removals, note = Removals(town.metadata, place), Removals._note

    def ends_behind_rows(self: Removals, work: Any, following: str) -> None:  # noqa: ANN401 - a private class
        if following == "scrub":
            raise Crash(following)
        note(self, work, following)

    number = begin(town)
    with monkeypatch.context() as patch:
        patch.setattr(Removals, "_note", ends_behind_rows)
        with pytest.raises(Crash):
            removals.run(number)
    with town.metadata.session() as session:
        create_tenant(session, "steel", "新", "new")
    (place.root / "tenants" / "steel").mkdir()
    assert Removals(town.metadata, place).turn() == 1
    assert (place.root / "tenants" / "steel").exists()


def test_a_legal_hold_keeps_the_tenant(town: Town, place: Place) -> None:
    with town.metadata.session() as session:
        place_hold(session, town.operates("steel"), "case 7")
    with pytest.raises(RemovalRefused, match="legal hold") as refused:
        begin(town)
    assert "保全" in refused.value.message_zh
    assert open_removals(town.metadata) == []
    assert "tenants" in holding(place.root)


def test_only_an_operator_removes(town: Town) -> None:
    with town.metadata.session() as session, pytest.raises(AccessDenied):
        begin_removal(session, town.scope("steel"), "mine")


def test_nothing_begins_for_a_tenant_that_is_gone(town: Town) -> None:
    operator = town.operates("power")
    with town.metadata.session() as session:
        session.delete(session.get_one(Tenant, town.numbers["power"]))
    with pytest.raises(AccessDenied, match="gone"), town.metadata.session() as session:
        begin_removal(session, operator, "contract ended")
    assert open_removals(town.metadata) == []


def test_access_ends_with_the_beginning(town: Town) -> None:
    with town.metadata.session() as session:
        both = create_user(
            session, "both", "B", "long-enough-word", {"steel": [Role.OWNER], "power": [Role.OWNER]}
        )
        only = create_user(session, "only", "O", "long-enough-word", {"steel": [Role.OWNER]})
        lone_token = create_token(session, "collect-steel", {"steel": [Role.COLLECTOR]})
        token = create_token(session, "both", {"steel": [Role.COLLECTOR], "power": [Role.COLLECTOR]})
        strangers = [
            create_user(session, slug, "S", "long-enough-word", {slug: [Role.OWNER]})
            for slug in ("first", "power")
        ]
        keys = [create_token(session, slug, {slug: [Role.COLLECTOR]}) for slug in ("first", "power")]
    number = begin(town)
    assert begin(town) == number, "asking twice begins nothing twice"
    with town.metadata.session() as session:
        assert removing(session) == {town.numbers["steel"]}
        assert set(principal_of_user(session, both).tenants) == {"power"}
        assert set(check_token(session, token).tenants) == {"power"}
        with pytest.raises(AccessDenied):
            principal_of_user(session, only)
        with pytest.raises(AccessDenied):
            check_token(session, lone_token)
        for slug, stranger, key in zip(("first", "power"), strangers, keys, strict=True):
            assert set(principal_of_user(session, stranger).tenants) == {slug}
            assert set(check_token(session, key).tenants) == {slug}


def test_marks_are_paths_that_nobody_else_has_not_even_as_a_part(town: Town, place: Place) -> None:
    del place
    with town.metadata.session() as session:
        for slug, path in (("steel", "Site/Line/V1"), ("power", "Site/Line/V10"), ("steel", "100%/_a\\b")):
            row = session.get_one(Signal, (town.numbers[slug], 1))
            fields = {c.key: getattr(row, c.key) for c in Signal.__table__.columns}
            fields |= {"id": len(path), "path": path}
            session.add(Signal(**fields))
        session.flush()
        found = traces.marks(session, town.numbers["steel"])
    assert found == [WORDS["steel"].encode(), b"100%/_a\\b"]


def test_longer_paths_of_others_crowd_out_no_mark(
    town: Town, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    del place
    monkeypatch.setattr(traces, "_TRIED", 2)
    with town.metadata.session() as session:
        row = session.get_one(Signal, (town.numbers["power"], 1))
        fields = {c.key: getattr(row, c.key) for c in Signal.__table__.columns}
        for number in (10, 11):
            session.add(
                Signal(**fields | {"id": number, "path": f"Site/Line/Machine/Pump/Pressure/of-{number}"})
            )
        session.flush()
        # Its longest path is of the kit, and so no mark.
        assert traces.marks(session, town.numbers["steel"]) == [WORDS["steel"].encode()]


def test_a_reader_that_keeps_old_pages_delays_the_end_and_is_named(
    town: Town, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with town.metadata.engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT count(*) FROM signal").scalar()
        monkeypatch.setattr("tundish_platform.store.lifecycle.traces._BUSY_MS", 1)
        number = begin(town)
        removals = Removals(town.metadata, place)
        with pytest.raises(traces.StillInUse):
            removals.run(number)
    assert removals.turn() == 1
    assert holding(place.root) == set()
