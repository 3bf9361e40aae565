"""Kill -9 of the writer, thousands of times; its client outside looks for what was acknowledged."""

from __future__ import annotations

import multiprocessing
import random
import statistics
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.campaigns.client import Client, Found, Key, Rows
from tundish_deploy.campaigns.runner import Runs, each
from tundish_deploy.campaigns.world import new_database, scopes_of
from tundish_deploy.campaigns.writer import LazyTelemetry, write_until_killed
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.samples import SampleKind
from tundish_platform.store import StoreInUse, Telemetry
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection

EPISODE: Final = 50
_VALUES: Final = 1_000_000
_LONGEST_S: Final = 0.03
_MOST_REQUESTS: Final = 10
_PATIENCE_S: Final = 60.0
_WHILE_STARTING: Final = 0.15


@dataclass
class Killed:
    """What an episode of kills brought.

    Attributes:
        seed: replays what was sent; the moment of a kill is the system's.
        kills, starting: of the writer, and of them before it said that it was open.
        acknowledged: requests.
        stuck: times the lock was not free at once.
        admitted: times a second writer was let in.
        found: what was wrong with the data.
        starts_s: from the start of a process to its open store.
    """

    seed: str
    kills: int = 0
    starting: int = 0
    acknowledged: int = 0
    stuck: int = 0
    admitted: int = 0
    found: Found = field(default_factory=Found)
    starts_s: list[float] = field(default_factory=list)


class Outside:
    """The client of one store, in another process than the writer.

    Args:
        folder: for ``store`` and ``metadata.sqlite``.
        seed: of what is sent.
        kind: of the writer's store.
    """

    def __init__(self, folder: Path, seed: str, kind: type[Telemetry] = Telemetry) -> None:
        self._folder = folder
        self._kind = kind
        new_database(folder / "metadata.sqlite")
        self.journal = Client(scopes_of(), random.Random(seed))  # noqa: S311 - chance, not secrecy
        self.result = Killed(seed)
        self._asked: list[Rows] = []
        # Forked from a process that has imported everything and has no thread yet: milliseconds each.
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["tundish_deploy.campaigns.writer"])

    def kill_one(self, *, after: int = 0) -> None:
        """Start a writer, end it at some moment, and compare.

        Args:
            after: requests that must have been acknowledged before.
        """
        chance = self.journal.chance
        mine, theirs = self._processes.Pipe(duplex=False)
        name = f"{self.result.seed}-{self.result.kills}"
        first = (self.result.kills + 1) * _VALUES
        arguments = (self._folder, name, first, theirs, self._kind)
        process = self._processes.Process(target=write_until_killed, args=arguments, daemon=True)
        begun = time.monotonic()
        process.start()
        theirs.close()
        with closing(mine):
            if not after and chance.random() < _WHILE_STARTING:
                self.result.starting += 1
            else:
                self._opened(mine, begun)
                self._read(mine, max(after, chance.randint(0, _MOST_REQUESTS)))
            time.sleep(chance.uniform(0, _LONGEST_S))
            process.kill()
            process.join()
            self._read_rest(mine)
        self.result.kills += 1
        self._look()

    def claim(self) -> None:
        """Write a row into the journal that nobody acknowledged; it must be missed."""
        self.journal.known[Key("steel", SampleKind.NUMERIC, 1, -1)] = -1.0

    def look(self) -> Found:
        """Compare the journal with the store, without a writer."""
        with self._opened_here() as telemetry:
            return self.journal.check(telemetry)

    def _opened(self, journal: Connection, begun: float) -> None:
        if not journal.poll(_PATIENCE_S):
            raise TimeoutError(f"the writer did not open the store within {_PATIENCE_S} s")
        if journal.recv() != "open":
            self.result.stuck += 1
            return
        self.result.starts_s.append(time.monotonic() - begun)
        try:
            with self._opened_here():
                self.result.admitted += 1
        except StoreInUse:
            pass

    def _read(self, journal: Connection, requests: int) -> None:
        done = 0
        while done < requests:
            if not journal.poll(_PATIENCE_S):
                raise TimeoutError(f"nothing was acknowledged within {_PATIENCE_S} s")
            done += self._note(journal.recv())

    def _read_rest(self, journal: Connection) -> None:
        try:
            while True:
                self._note(journal.recv())
        except (EOFError, OSError):
            return  # where the writer ended

    def _note(self, message: Any) -> bool:  # noqa: ANN401 - rows of a request, or a word
        """Whether the message says that the last request was acknowledged."""
        if isinstance(message, list):
            self._asked = message
            for key, value in ((k, v) for rows in message for k, v in rows.items()):
                self.journal.doubtful.setdefault(key, set()).add(value)
        elif message is None:
            self.result.acknowledged += 1
            for rows in self._asked:
                self.journal.known |= rows
                for key in rows:
                    self.journal.doubtful.pop(key, None)
        return message is None

    def _look(self) -> None:
        try:
            self.result.found += self.look()
        except StoreInUse:
            self.result.stuck += 1

    @contextmanager
    def _opened_here(self) -> Iterator[Telemetry]:
        metadata = Metadata(f"sqlite:///{self._folder / 'metadata.sqlite'}")
        with (
            closing(metadata),
            closing(Telemetry(self._folder / "store", metadata, background=False)) as opened,
        ):
            yield opened


def episode(seed: str, kills: int = EPISODE) -> Killed:
    """So many kills of one store's writers."""
    with TemporaryDirectory() as folder:
        outside = Outside(Path(folder), seed)
        while outside.result.kills < kills and not outside.result.found.total:
            outside.kill_one()
    return outside.result


def control_claim(seed: str) -> int:
    """Rows missed of a journal with one row too many."""
    with TemporaryDirectory() as folder:
        outside = Outside(Path(folder), seed)
        outside.kill_one(after=1)
        outside.claim()
        return outside.look().lost


def control_lazy(seed: str) -> int:
    """Rows missed of a store that acknowledges before it writes."""
    with TemporaryDirectory() as folder:
        outside = Outside(Path(folder), seed, LazyTelemetry)
        outside.kill_one(after=3)
        return outside.result.found.lost


def campaign(count: int, seed: int, runs: Runs) -> Report:
    """All kills and the controls.

    Args:
        count: kills.
        seed: of the first episode.
        runs: in how many processes, and how long.
    """
    seeds = [f"{seed}-{number}" for number in range(-(-count // EPISODE))]
    results = each(episode, [(name,) for name in seeds], runs, Killed)
    starts = [start for result in results for start in result.starts_s]
    conditions = {
        "seed": seed,
        "kills planned": count,
        "processes": "forked from one that has imported everything; none was started cold",
        "kills while starting": sum(result.starting for result in results),
        "requests acknowledged": sum(result.acknowledged for result in results),
        "start to open store, median s": statistics.median(starts) if starts else None,
        "replay": [f"{r.seed}: {'; '.join(r.found.words)}" for r in results if r.found.total],
    }
    controls = (control_claim(f"{seed}"), control_lazy(f"{seed}"))
    return Report("campaign kill", conditions, list(_figures(results, count, controls)))


def _figures(results: list[Killed], count: int, controls: tuple[int, int]) -> Iterable[Figure]:
    yield judged("kills", sum(result.kills for result in results), "1", "higher", bar=count)
    yield judged("kill_rows_lost", sum(result.found.lost for result in results), "1", "lower", bar=0)
    other = sum(result.found.total - result.found.lost for result in results)
    yield judged("kill_rows_doubled_or_unreadable", other, "1", "lower", bar=0)
    yield judged("kill_locks_not_free_at_once", sum(r.stuck for r in results), "1", "lower", bar=0)
    yield judged("kill_second_writers_admitted", sum(r.admitted for r in results), "1", "lower", bar=0)
    yield judged("kill_control_claimed_row_missed", controls[0], "1", "higher", bar=1)
    yield judged("kill_control_early_answer_missed", controls[1], "1", "higher", bar=1)
