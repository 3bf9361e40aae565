"""Removing a tenant from the real store: no byte that only it had is left, and the others lose nothing."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tundish_platform.assets import upsert_signals
from tundish_platform.samples import SignalSpec
from tundish_platform.store.lifecycle.policy import operator_scope, place_hold
from tundish_platform.store.lifecycle.removal import RemovalRefused, begin_removal
from tundish_platform.store.lifecycle.tables import TenantRemoval
from tundish_platform.store.testing.crashes import Crash, CrashingFiles
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

NUMBER = 1234567.890123
WORD, PATH = "Kanarienvogel-steel-77", "Haubentaucher/steel/A/B/C/D"
CANARIES = (WORD.encode(), struct.pack("<d", NUMBER), PATH.encode())
OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))


def fill(world: World) -> None:
    """Both tenants' rows in segments, in the first level and in the log; the same of each."""
    for place, step in enumerate((world.telemetry.seal, world.telemetry.spill, lambda: None)):
        for tenant, number, word in (("steel", NUMBER, WORD), ("power", 1.0, "Zeisig")):
            world.append([(1, 10 * place + s, number) for s in range(5)], tenant=tenant)
            world.append([(2, 10 * place, word)], "text", tenant)
        step()
    copies = world.root / "log" / "quarantine"
    copies.mkdir()
    (copies / "00000000000000000001.log").write_bytes(WORD.encode())


def begin(world: World) -> int:
    with world.metadata.session() as session:
        return begin_removal(session, operator_scope(session, OPERATOR, "steel"), "contract ended")


def found(world: World) -> list[tuple[Path, bytes]]:
    """Where any canary is found; the database lies beside the store."""
    files = [path for path in world.root.parent.rglob("*") if path.is_file()]
    return [(path, canary) for path in files for canary in CANARIES if canary in path.read_bytes()]


def step(world: World) -> str:
    with world.metadata.session() as session:
        return session.scalars(select(TenantRemoval.step)).one()


def power(world: World) -> tuple[list[Any], list[Any]]:
    numbers = world.rows([1], tenant="power")
    return [row["value"] for row in numbers], world.rows([2], "text", "power")


@pytest.fixture
def new_town(
    new_world: Callable[..., World], made_once: tuple[Path, dict[str, int]], tmp_path: Path
) -> Callable[[], World]:
    """Worlds whose database is a copied file: to make tables syncs the disk dozens of times."""
    kind: Any = type(new_world())
    made: list[Any] = []

    def make() -> World:
        root = tmp_path / f"town-{len(made)}"
        root.mkdir()
        shutil.copy(made_once[0], root / "metadata.sqlite")
        metadata = Metadata(f"sqlite:///{root / 'metadata.sqlite'}")
        who = Principal(1, "t", {s: (n, frozenset({Role.ANALYST})) for s, n in made_once[1].items()})
        scopes = {slug: access_tenant(who, slug, Permission.READ) for slug in made_once[1]}
        with metadata.session() as session:
            spec = SignalSpec(path=PATH, name_zh="量", name_en="v", semantic="x")
            upsert_signals(session, scopes["steel"], "test", [spec])
        made.append(kind(root / "store", metadata, scopes))
        return made[-1]  # type: ignore[no-any-return]

    return make


def test_no_canary_is_left_and_the_other_tenant_loses_nothing(new_town: Callable[[], World]) -> None:
    world = new_town()
    world.open(publish=True)
    fill(world)
    before = power(world)
    assert len(before[0]) == 15
    assert {canary for _, canary in found(world)} == set(CANARIES)
    begin(world)
    world.telemetry.housekeep()
    assert step(world) == "done", world.telemetry.problems()
    assert found(world) == []
    assert not (world.root / "tenants" / "steel").exists()
    assert power(world) == before
    world.append([(1, 100, 2.0)], tenant="power")
    world.open()
    assert power(world) == ([*before[0], 2.0], before[1])
    assert world.telemetry.problems() == ()


def test_nothing_of_a_leaving_tenant_is_taken_or_answered(new_town: Callable[[], World]) -> None:
    world = new_town()
    world.open()
    fill(world)
    begin(world)
    # At a start nothing of it is recovered, though the log still has it.
    world.open()
    with pytest.raises(AccessDenied, match="being removed"):
        world.append([(1, 1, 1.0)])
    with pytest.raises(AccessDenied, match="being removed"):
        world.rows([1])
    assert world.telemetry.verify() == []
    assert len(power(world)[0]) == 15


def test_a_legal_hold_refuses_the_removal(new_town: Callable[[], World]) -> None:
    world = new_town()
    world.open()
    fill(world)
    with world.metadata.session() as session:
        place_hold(session, operator_scope(session, OPERATOR, "steel"), "case 7")
    with pytest.raises(RemovalRefused):
        begin(world)
    world.telemetry.housekeep()
    assert len(world.rows([1])) == 15


def test_a_crash_at_any_operation_is_made_up_for(new_town: Callable[[], World]) -> None:
    crashes, other = 0, None
    for at in range(1, 100):
        world, files = new_town(), CrashingFiles()
        world.open()
        fill(world)
        other = other or power(world)
        begin(world)
        world.open(files=files)
        files.left = at
        try:
            world.telemetry.housekeep()
        except Crash:
            crashes += 1
            world.open()
            assert power(world) == other
            world.telemetry.housekeep()
        done = step(world), found(world), power(world)
        assert done == ("done", [], other), (at, world.telemetry.problems())
        world.telemetry.close()
        world.metadata.close()
        if files.left > 0:
            break
    assert crashes >= 8


def test_a_part_that_is_being_sealed_finds_its_file_again(new_town: Callable[[], World]) -> None:
    world = new_town()
    world.open()
    fill(world)
    before = power(world)
    store = world.telemetry.tenant_store(world.scopes["power"])
    _, parts = store.begin_seal()
    old = {part.file for part in parts}
    begin(world)
    world.telemetry.housekeep()
    assert step(world) == "done", world.telemetry.problems()
    assert not old & {part.file for part in parts}
    world.telemetry.seal()
    assert power(world) == before
    # All of its rows lie in segments now, so no file of the first level is left.
    assert list((world.root / "first-level").iterdir()) == []
