"""Power cuts over everything that writes: log, seal, merge, spill, manifest."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.client import Client, Found
from tundish_deploy.campaigns.deaths import Death, all_deaths
from tundish_deploy.campaigns.deaths import control as deaths_control
from tundish_deploy.campaigns.machine import Machine, PowerLost
from tundish_deploy.campaigns.runner import Runs, each, folder_of
from tundish_deploy.campaigns.world import World, seeded_names
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.store import SealSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

EPISODE: Final = 50
# Each kind of sync left out; every one of them must lose something.
CONTROLS: Final = ("fdatasync", "sync", "sync-folder", "database-sync")
# So often only the process dies; another goes on, and the power goes over what both left unsynced.
CRASHES: Final = 0.15
_CONTROL_CUTS: Final = 400
_ACTS: Final = ("seal", "spill", *["send"] * 6)
_LIVES: Final = (4, 15, 60, 200)
_SETTINGS: Final = SealSettings(seal_rows=60, own_rows=20)


@dataclass
class Outcome:
    """What an episode of cuts brought.

    Attributes:
        seed: replays it.
        cuts, crashes: of the power, and of the process only.
        rows: sent.
        found: what was wrong.
        places: how often the power went before which operation.
    """

    seed: str
    cuts: int = 0
    crashes: int = 0
    rows: int = 0
    found: Found = field(default_factory=Found)
    places: Counter[str] = field(default_factory=Counter)


def episode(
    seed: str, cuts: int = EPISODE, ignored: frozenset[str] = frozenset(), crashes: float = CRASHES
) -> Outcome:
    """So many cuts in the life of one machine; stops at the first harm.

    Args:
        seed: replays it.
        cuts: of the power.
        ignored: syncs that do nothing, for controls.
        crashes: share of cuts before which the process alone dies and starts again.
    """
    with tempfile.TemporaryDirectory(dir=folder_of()) as folder, seeded_names(seed):
        world = World(Path(folder) / "machine", seed, _SETTINGS)
        life = _Life(world, Client(world.scopes, world.chance), Outcome(seed), ignored, crashes)
        try:
            while life.outcome.cuts < cuts and not life.outcome.found.harm:
                life.until_cut()
        finally:
            world.end()
    life.outcome.rows = life.client.sent
    return life.outcome


@dataclass
class _Life:
    world: World
    client: Client
    outcome: Outcome
    ignored: frozenset[str]
    crashes: float

    def until_cut(self) -> None:
        """Start, compare, write until the power fails; before that processes may die and others go on."""
        durable = True
        while self._lives(durable=durable):
            if self.world.chance.random() >= self.crashes:
                self.world.cut()
                self.outcome.cuts += 1
                return
            self.outcome.crashes += 1
            self.world.crash()
            durable = False

    def _lives(self, *, durable: bool) -> bool:
        """One process from its start to its end; whether it started and showed what it should."""
        chance = self.world.chance
        machine = Machine(self.world.disk, ignored=self.ignored)
        if not self._starts(machine, durable=durable):
            return False
        try:
            if chance.random() < 0.5:  # noqa: PLR2004 - a coin: the start is cut off too
                machine = Machine(self.world.disk, ignored=self.ignored, cut_after=self._length())
                self.world.start(machine)
            else:
                machine.cut_after = machine.count + self._length()
            self._write()
        except PowerLost:
            self.outcome.places += machine.places
        return True

    def _starts(self, machine: Machine, *, durable: bool) -> bool:
        """Whether the store starts and shows what it should."""
        found = self.outcome.found
        try:
            self.world.start(machine)
        except Exception as error:  # noqa: BLE001 - whatever keeps the store from starting is the finding
            found.unreadable += 1
            found.say(f"the store does not start: {type(error).__name__}: {error}")
            return False
        found += self.client.check(self.world.telemetry, durable=durable)
        return not found.harm

    def _length(self) -> int:
        return self.world.chance.randint(0, self.world.chance.choice(_LIVES))

    def _write(self) -> None:
        while True:
            # Seals, merges and spills get a fair share of the cuts.
            act = self.world.chance.choice(_ACTS)
            if act == "seal":
                self.world.telemetry.seal()
            elif act == "spill":
                self.world.telemetry.spill()
            else:
                self.client.send(self.world.telemetry)


def campaign(count: int, seed: int, runs: Runs) -> Report:
    """All cuts and the controls.

    Args:
        count: cuts in all.
        seed: of the first episode.
        runs: in how many processes, and how long.
    """
    seeds = [f"{seed}-{number}" for number in range(-(-count // EPISODE))]
    deaths = all_deaths(f"{seed}", runs)
    outcomes = each(episode, [(name,) for name in seeds], runs, Outcome)
    controls = {name: control(name, seed) for name in CONTROLS}
    left = deaths_control(f"{seed}")
    places: Counter[str] = sum((outcome.places for outcome in outcomes), Counter())
    conditions = {
        "seed": seed,
        "cuts planned": count,
        "rows sent": sum(outcome.rows for outcome in outcomes),
        "process crashes between": sum(outcome.crashes for outcome in outcomes),
        "cut before": dict(places.most_common()),
        "cuts until a control fails": {name: outcome.cuts for name, outcome in controls.items()},
        "replay": [
            *(f"{o.seed}: {'; '.join(o.found.words)}" for o in outcomes if o.found.total),
            *(f"{d.seed} {d.number}: {'; '.join(d.found.words)}" for d in deaths if d.found.total),
        ],
    }
    return Report(
        "campaign power", conditions, [*_figures(outcomes, deaths, count), *_controls(controls, left)]
    )


def control(name: str, seed: int, cuts: int = _CONTROL_CUTS) -> Outcome:
    """Episodes with one kind of sync left out, until one fails."""
    done = 0
    for number in range(-(-cuts // EPISODE)):
        outcome = episode(f"{seed}-{name}-{number}", EPISODE, frozenset({name}))
        done = outcome.cuts = done + outcome.cuts
        if outcome.found.total:
            break
    return outcome


def _figures(outcomes: list[Outcome], deaths: list[Death], count: int) -> Iterable[Figure]:
    def total(name: str) -> int:
        found = [outcome.found for outcome in outcomes] + [death.found for death in deaths]
        return sum(getattr(part, name) for part in found)

    yield judged("power_cuts", sum(outcome.cuts for outcome in outcomes), "1", "higher", bar=count)
    yield judged("power_deaths_of_a_young_store", len(deaths), "1", "higher", bar=1)
    yield judged("power_rows_lost", total("lost"), "1", "lower", bar=0)
    yield judged("power_rows_doubled", total("doubled"), "1", "lower", bar=0)
    yield judged("power_rows_never_sent", total("strange"), "1", "lower", bar=0)
    yield judged("power_queries_or_starts_failed", total("unreadable"), "1", "lower", bar=0)
    yield judged("power_false_alarms", total("named"), "1", "lower", bar=0)


def _controls(controls: dict[str, Outcome], left: Death) -> Iterable[Figure]:
    for name, outcome in controls.items():
        key = f"power_control_without_{name.replace('-', '_')}"
        yield judged(key, outcome.found.total, "1", "higher", bar=1)
    yield judged("power_control_left_folders_taken_as_safe", left.found.total, "1", "higher", bar=1)
