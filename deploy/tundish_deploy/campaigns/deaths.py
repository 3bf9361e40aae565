"""The writer dies before each operation of a young store, another goes on; then the power goes, at worst."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tundish_deploy.campaigns.client import Client, Found
from tundish_deploy.campaigns.machine import LEFT_FOLDERS, Machine, PowerLost
from tundish_deploy.campaigns.runner import Runs, each, folder_of
from tundish_deploy.campaigns.world import World, seeded_names
from tundish_platform.store import SealSettings

# What the dead one leaves looks safe to the next: folders above all, which nobody makes twice.
CONTROL: Final = frozenset({LEFT_FOLDERS})
_SETTINGS: Final = SealSettings(seal_rows=60, own_rows=1)
_ACTS: Final = ("send", "spill", "send", "seal", "send")


@dataclass
class Death:
    """What came of one.

    Attributes:
        seed, number: replay it.
        place: the operation before which the writer died; none if it had none left.
        found: what was wrong after the power cut.
    """

    seed: str
    number: int
    place: str = ""
    found: Found = field(default_factory=Found)


def died(seed: str, number: int, ignored: frozenset[str] = frozenset()) -> Death:
    """One death.

    Args:
        seed: of what is sent.
        number: of operations done before.
        ignored: syncs that do nothing, for the control.
    """
    result = Death(seed, number)
    with tempfile.TemporaryDirectory(dir=folder_of()) as folder, seeded_names(f"{seed} {number}"):
        world = World(Path(folder) / "machine", seed, _SETTINGS)
        client = Client(world.scopes, world.chance)
        try:
            machine = Machine(world.disk, cut_after=number, ignored=ignored)
            try:
                _work(world, client, machine)
            except PowerLost:
                result.place = next(iter(machine.places))
            world.crash()
            _work(world, client, Machine(world.disk, ignored=ignored))
            world.cut(worst=True)
            result.found = client.check(world.start(Machine(world.disk)))
        finally:
            world.end()
    return result


def _work(world: World, client: Client, machine: Machine) -> None:
    telemetry = world.start(machine)
    for act in _ACTS:
        if act == "send":
            client.send(telemetry)
        else:
            (telemetry.seal if act == "seal" else telemetry.spill)()


def all_deaths(seed: str, runs: Runs) -> list[Death]:
    """Before every operation there is."""
    last = 1
    while died(seed, last).place:
        last *= 2
    return [death for death in each(died, [(seed, number) for number in range(last)], runs) if death.place]


def control(seed: str, first: int = 0, most: int = 200) -> Death:
    """Deaths one after the other with left folders taken as safe, until one does harm."""
    for number in range(first, most):
        death = died(seed, number, CONTROL)
        if death.found.harm or not death.place:
            break
    return death
