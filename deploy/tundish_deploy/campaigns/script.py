"""A scripted run of the store that tells what it did when one operation failed, or many."""

from __future__ import annotations

import errno
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import SQLAlchemyError

from tundish_deploy.campaigns.client import Client, Found
from tundish_deploy.campaigns.machine import Machine
from tundish_deploy.campaigns.runner import folder_of
from tundish_deploy.campaigns.world import World, seeded_names
from tundish_platform.store import StoreFailed, StoreFull

if TYPE_CHECKING:
    from tundish_deploy.campaigns.machine import Fault

_SEALS_BEFORE: Final = 7
PROMISES: Final = ("starts", "refusal", "right_error", "clear_state", "recovery", "no_late_acknowledgement")
_SEND, _SEAL, _SPILL = "send", "seal", "spill"
# The seal in the middle is the eighth of its day, so it merges.
_STEPS: Final = (_SEND, _SEND, _SPILL, _SEND, _SEAL, _SEND, _SPILL, _SEND, _SEAL, _SEND)
_REFUSALS: Final = 3
# Where a full disk shows. What a library writes by itself, segments, fails when it is synced.
_FULL: Final = ("open ", "write ", "make ", "sync tmp", "sync parquet", "sync arrow")


@dataclass
class Faulty:
    """What a run with a fault brought.

    Attributes:
        seed, fault: replay it.
        operations: that a fault may hit, by what they do to what.
        failed: which operations failed, in words.
        found: what was wrong with the data.
        broken: how often which of `PROMISES` was broken.
        full, poisoned: steps that were refused as full, and as failed.
        starts_refused: starts that failed with the fault and went well without.
    """

    seed: str
    fault: str
    operations: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    found: Found = field(default_factory=Found)
    broken: Counter[str] = field(default_factory=Counter)
    full: int = 0
    poisoned: int = 0
    starts_refused: int = 0


def once(number: int, what: int) -> Fault:
    """The operation of that number fails, and no other."""
    return lambda count, _place: what if count == number else None


class At:
    """The so-many-th operation of a kind fails, counted from 1.

    Args:
        kind: such as ``fdatasync log``.
        number: which of them.
        what: the error.
    """

    def __init__(self, kind: str, number: int, what: int) -> None:
        self._kind = kind
        self._left = number
        self._what = what

    def __call__(self, _count: int, place: str) -> int | None:
        """The error, once."""
        self._left -= place == self._kind
        return self._what if self._left == 0 and place == self._kind else None


class FullFrom:
    """No space from an operation on, until somebody frees some."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.freed = False

    def __call__(self, count: int, place: str) -> int | None:
        """ENOSPC for what needs space."""
        return errno.ENOSPC if count >= self.number and not self.freed and place.startswith(_FULL) else None


def run(seed: str, name: str, fault: Fault | None, *, swallowed: bool = False) -> Faulty:
    """Start from the same folder, do the same things, and look what the fault makes of them.

    Args:
        seed: of what is sent.
        name: of the fault.
        fault: none for a run without.
        swallowed: nobody is told of the fault, for controls.
    """
    with TemporaryDirectory(dir=folder_of()) as folder, seeded_names(seed):
        world, client = _past(seed).copy(Path(folder), seed)
        result = Faulty(seed, name)
        try:
            _Run(world, client, result, fault).all(Machine(world.disk, fault=fault, swallowed=swallowed))
        finally:
            world.end()
        return result


@dataclass
class _Past:
    """A store that has a past: segments that wait for a merge, and a log; and who wrote it."""

    folder: TemporaryDirectory[str]
    client: Client
    state: tuple[Any, ...]

    def copy(self, place: Path, seed: str) -> tuple[World, Client]:
        world = World(place / "machine", seed, image=Path(self.folder.name) / "past")
        world.chance.setstate(self.state)
        client = Client(world.scopes, world.chance, dict(self.client.known), sent=self.client.sent)
        return world, client


@lru_cache(1)
def _past(seed: str) -> _Past:
    folder = TemporaryDirectory(dir=folder_of())
    world = World(Path(folder.name) / "past", seed)
    # One tenant's folders are missing still, so that the run has to make them.
    client = Client({"steel": world.scopes["steel"]}, world.chance)
    telemetry = world.start(Machine(world.disk))
    for _ in range(_SEALS_BEFORE):
        client.send(telemetry)
        client.send(telemetry)
        telemetry.seal()
    client.send(telemetry)
    world.crash()
    world.disk.close()
    return _Past(folder, client, world.chance.getstate())


class _Run:
    def __init__(self, world: World, client: Client, result: Faulty, fault: Fault | None) -> None:
        self.world = world
        self.client = client
        self.result = result
        self.full = fault if isinstance(fault, FullFrom) else None
        self.failed = False

    def all(self, machine: Machine) -> None:
        """Everything."""
        self._start(machine)
        for step in _STEPS:
            self._do(step)
            self._look()
        self.result.operations = machine.order.copy()
        if self.full is not None:
            self._stays_full()
            self.full.freed = True
        # A seal would save what a swallowed error lost of the log, so the power goes before.
        if not self.failed and not machine.swallowed:
            self._recovers()
        self.result.failed = machine.failed
        self._afterwards()

    def _start(self, machine: Machine) -> None:
        try:
            self.world.start(machine)
        except (OSError, SQLAlchemyError, StoreFailed) as error:
            self.result.starts_refused += 1
            if self.full is not None:
                self._broken(
                    "starts", f"on a full disk the store does not start, so nobody can read: {error}"
                )
                self.full.freed = True
            self.world.start(Machine(self.world.disk))

    def _do(self, step: str) -> str:
        """One step; returns how it went."""
        telemetry = self.world.telemetry
        try:
            if step == _SEND:
                self.client.send(telemetry)
            else:
                (telemetry.seal if step == _SEAL else telemetry.spill)()
        except StoreFull:
            self.result.full += 1
            return "full"
        except StoreFailed:
            self.result.poisoned += 1
            self.failed = True
            if telemetry.ready or not telemetry.state().problems:
                self._broken("clear_state", "after a failed write the state says that all is well")
            return "failed"
        except (OSError, SQLAlchemyError) as error:
            if step == _SEND:
                self._broken("right_error", f"append raised {type(error).__name__}: {error}")
            return "refused"
        if step == _SEND and self.failed:
            self._broken("no_late_acknowledgement", "acknowledged after a failed sync")
        return "done"

    def _look(self) -> None:
        """Reads go on, whatever happened."""
        self.result.found += self.client.check(self.world.telemetry, durable=False, trouble=True)

    def _stays_full(self) -> None:
        for _ in range(_REFUSALS):
            how = self._do(_SEND)
            if how != "full":
                self._broken("refusal", f"on a full disk an append was not refused as full but {how}")
            state = self.world.telemetry.state()
            if state.ready and not state.problems:
                self._broken("clear_state", "on a full disk the state says that all is well")
        self._look()

    def _recovers(self) -> None:
        for step in (_SEND, _SPILL, _SEND, _SEAL, _SEND):
            how = self._do(step)
            if how != "done":
                self._broken("recovery", f"with the fault gone, a {step} was {how}")
        state = self.world.telemetry.state()
        if not state.ready or state.problems:
            self._broken("recovery", f"with the fault gone, the state still says {state.problems}")
        self._look()

    def _afterwards(self) -> None:
        """What was acknowledged survives a power cut now, and the store works as before."""
        for _ in range(2):
            self.world.cut(worst=True)
            telemetry = self.world.start(Machine(self.world.disk))
            self.result.found += self.client.check(telemetry)
            self.client.send(telemetry)
            telemetry.seal()
            self.client.send(telemetry)

    def _broken(self, promise: str, words: str) -> None:
        self.result.broken[promise] += 1
        self.result.found.say(words)
