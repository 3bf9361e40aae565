"""`tundish bench store`: everything in one run, ours first, then each peer on the same rows."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.benchmarks.store import engine, peers
from tundish_deploy.benchmarks.store.duck import DuckDb
from tundish_deploy.benchmarks.store.engine import Written, measure
from tundish_deploy.benchmarks.store.figures import FULL_ROWS, FULL_TENANTS, Figures
from tundish_deploy.benchmarks.store.fleet import BATCH_ROWS, measure_fleet
from tundish_deploy.benchmarks.store.load import RATE, Load
from tundish_deploy.benchmarks.store.ours import Ours
from tundish_deploy.benchmarks.store.postgres import Postgres
from tundish_deploy.benchmarks.store.profile import profiled
from tundish_deploy.benchmarks.store.questions import (
    BUDGET_S,
    Ask,
    compare,
    compare_plain,
    forget,
    questions,
    timed,
)
from tundish_deploy.benchmarks.store.tenants import SIGNALS_EACH, how_many, many_tenants
from tundish_deploy.benchmarks.store.workload import BLOCK_ROWS, SIGNALS, START, Workload, cut, sent_again
from tundish_deploy.figures import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from tundish_deploy.benchmarks.store.questions import Question, Times
    from tundish_deploy.benchmarks.store.workload import Rows

SMALL_BATCH: Final = 10_000
_VARIANT_ROWS: Final = 10_000_000
_LATE_SHARE: Final = 0.05
_AGAIN_EVERY: Final = 25
_AGAIN_LATER: Final = 3
_TAIL_ROWS: Final = 300_000
_TAIL_SHARE: Final = 100
_BUDGET_ROWS: Final = 10_000_000
_LEAST_BUDGET_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        rows: of the thirty days, ours and DuckDB's.
        peers: side by side with ours.
        tenants: of the fleet with a batch a minute.
        minutes: how long the fleet runs.
        folder: where all the files go; a temporary one below the system's if absent.
        profile: where the writer's profile goes, if anywhere.
    """

    rows: int
    peers: tuple[str, ...]
    tenants: int
    minutes: float
    folder: Path | None = None
    profile: Path | None = None


class Bench:
    """One run.

    Args:
        plan: what is measured.
        place: a folder for all files.
        say: hears what is going on.
    """

    def __init__(self, plan: Plan, place: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._place = place
        self._say = say
        self._workload = Workload(plan.rows)
        self._figures = Figures(full=plan.rows >= FULL_ROWS and plan.tenants >= FULL_TENANTS)
        self._tail = max(BLOCK_ROWS, min(_TAIL_ROWS, plan.rows // _TAIL_SHARE // BLOCK_ROWS * BLOCK_ROWS))
        self._rows: Rows
        self._many_rows = min(plan.rows, _VARIANT_ROWS)
        # A small run is for development: it asks for a shorter time.
        self._budget_s = BUDGET_S * max(_LEAST_BUDGET_S / BUDGET_S, min(1.0, plan.rows / _BUDGET_ROWS))
        self._compared = 0
        self._load_rate = 0.0

    def run(self) -> Report:
        """Everything."""
        begun = time.perf_counter()
        self._say("making rows")
        self._rows = self._workload.write(self._place / "rows.arrow", self._plan.rows + self._tail)
        small, large = self._peers_at(SMALL_BATCH), self._peers_at(BLOCK_ROWS)
        self._sustained(large)
        self._variants(small)
        self._fleet()
        if self._plan.profile is not None:
            self._say("profiling")
            with self._folder("profile") as folder:
                found = profiled(folder, self._rows, self._workload, min(self._plan.rows, _VARIANT_ROWS // 2))
            self._plan.profile.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        return Report("bench store", self._conditions(time.perf_counter() - begun), self._figures.found)

    def _peers_at(self, batch_rows: int) -> dict[str, Written]:
        """Peers that are servers; DuckDB has its turn beside ours."""
        return {name: self._peer(name, batch_rows) for name in self._plan.peers if name != "duckdb"}

    def _peer(self, name: str, batch_rows: int) -> Written:
        rows = self._rows_of(name, batch_rows)
        self._say(f"{name}: {rows:,} rows in batches of {batch_rows:,}")
        with self._folder(name) as folder, engine.closing(peers.PEERS[name](folder)) as peer:
            written = measure(peer, self._rows.batches(batch_rows, 0, rows))
            if isinstance(peer, Postgres) and batch_rows == BLOCK_ROWS:
                self._check_against(peer, rows)
            return written

    def _check_against(self, postgres: Postgres, rows: int) -> None:
        """A store of ours with the same rows must give what PostgreSQL gives."""
        covered = START + timedelta(milliseconds=self._workload.period_ms * (rows // SIGNALS))
        with self._folder("check") as folder, engine.closing(Ours(folder, self._workload)) as ours:
            for batch in self._rows.batches(BLOCK_ROWS, 0, rows):
                ours.write(batch)
            ours.settle()
            self._compared = compare_plain(ours, postgres.ask, covered)

    def _rows_of(self, name: str, batch_rows: int) -> int:
        enough = min(self._plan.rows, peers.ENOUGH.get(name, self._plan.rows))
        return enough if batch_rows == BLOCK_ROWS else max(BLOCK_ROWS, enough // 2 // BLOCK_ROWS * BLOCK_ROWS)

    def _sustained(self, written: dict[str, Written]) -> None:
        """All rows into ours and DuckDB, then the questions to both while the rest is kept out of the way."""
        with self._folder("ours") as folder, engine.closing(Ours(folder, self._workload)) as ours:
            self._say(f"ours: {self._plan.rows:,} rows in batches of {BLOCK_ROWS:,}")
            found = measure(ours, self._rows.batches(BLOCK_ROWS, 0, self._plan.rows))
            ours.reopen()
            tail = list(self._rows.batches(SMALL_BATCH, self._plan.rows))
            for batch in tail:
                ours.write(batch)
            if "duckdb" not in self._plan.peers:
                self._figures.ingest(found, written)
                self._ask(ours, None, folder)
                return
            with self._folder("duckdb") as duck_folder, engine.closing(DuckDb(duck_folder)) as duck:
                self._say("duckdb: the same rows")
                written["duckdb"] = measure(duck, self._rows.batches(BLOCK_ROWS, 0, self._plan.rows))
                self._figures.ingest(found, written)
                for batch in tail:
                    duck.write(batch.table)
                duck.sort()
                self._ask(ours, duck, folder)

    def _ask(self, ours: Ours, duck: DuckDb | None, folder: Path) -> None:
        asked = questions(self._workload)
        idle: dict[str, Times] = {}
        for question in asked:
            self._say(f"asking {question.name}")
            if duck is not None:
                compare(question, ours, duck)
            idle[question.name] = timed(partial(question.ours, ours), question.asks, self._budget_s)
            self._figures.question(
                question.name, question.bar_ms, idle[question.name], _of_peer(question, duck, self._budget_s)
            )
        self._cold(asked, ours, duck, folder)
        self._loaded(asked, ours, idle)

    def _cold(self, asked: list[Question], ours: Ours, duck: DuckDb | None, folder: Path) -> None:
        for question in asked:
            self._say(f"asking {question.name} cold")
            ask = question.asks[-1]
            theirs = {}
            if duck is not None:
                duck.close()
                forget(duck.folder)
                duck.reopen()
                theirs["duckdb"] = _once_ms(partial(_answer, duck, question.duck), ask)
            ours.reopen()
            forget(folder)
            self._figures.cold(question.name, _once_ms(partial(question.ours, ours), ask), theirs)

    def _loaded(self, asked: list[Question], ours: Ours, idle: dict[str, Times]) -> None:
        batches = list(self._rows.batches(SMALL_BATCH, self._plan.rows))
        span = timedelta(milliseconds=self._workload.period_ms * (self._tail // SIGNALS))
        self._say("asking while rows arrive")
        load = Load(ours, batches, span)
        with load:
            for question in asked:
                times = timed(partial(question.ours, ours), question.asks, self._budget_s / 2)
                self._figures.loaded(question.name, idle[question.name], times)
        self._load_rate = load.rate

    def _variants(self, small: dict[str, Written]) -> None:
        """Smaller batches, late rows, batches sent twice, many tenants."""
        rows = min(self._plan.rows, _VARIANT_ROWS)
        self._figures.variant("10k", self._one("10k", list(self._rows.batches(SMALL_BATCH, 0, rows))), small)
        spread = Workload(rows)
        path = self._place / "spread.arrow"
        thirty_days = spread.write(path)
        late = cut(thirty_days.late(rows, _LATE_SHARE), BLOCK_ROWS)
        self._figures.variant("late", self._one("late", late, workload=spread))
        again = sent_again(list(thirty_days.batches(BLOCK_ROWS)), _AGAIN_EVERY, _AGAIN_LATER)
        self._figures.variant("resent", self._one("resent", again, rows, spread))
        path.unlink()
        self._say(f"{how_many(self._many_rows)} tenants")
        with self._folder("tenants") as folder:
            found = many_tenants(folder, self._rows, self._workload, self._many_rows)
            self._figures.variant("500_tenants", found)

    def _one(
        self, name: str, batches: list[Any], expected: int | None = None, workload: Workload | None = None
    ) -> Written:
        self._say(f"ours: {name}")
        with self._folder(name) as folder, engine.closing(Ours(folder, workload or self._workload)) as ours:
            return measure(ours, batches, expected=expected)

    def _fleet(self) -> None:
        self._say(f"{self._plan.tenants:,} tenants with a batch a minute")
        with self._folder("fleet") as folder:
            self._figures.fleet(measure_fleet(folder, self._plan.tenants, self._plan.minutes))

    @contextmanager
    def _folder(self, name: str) -> Iterator[Path]:
        """A fresh folder that goes afterwards, so that the disk holds one engine at a time."""
        folder = self._place / name
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def _conditions(self, seconds: float) -> dict[str, Any]:
        plan = self._plan
        return {
            "rows": plan.rows,
            "signals": f"{SIGNALS}: 80 % walks in steps of 0.01, 10 % steps, 10 % constants; 0.1 % not good",
            "days": 30,
            "period_s": self._workload.period_ms / 1000,
            "batch_rows": BLOCK_ROWS,
            "rows in the buffer while asked": self._tail,
            "cores": os.cpu_count(),
            "rate counts until": "everything is flushed and merged by each engine's own rules",
            "encoding": "done before the clock runs, told apart as encoding_s_per_million",
            "peers": peers.versions(plan.peers),
            "peers left out": [name for name in peers.PEERS if name not in plan.peers],
            "peers durable on acknowledgement": {name: peers.DURABLE[name] for name in plan.peers},
            "peers' rows": {name: self._rows_of(name, BLOCK_ROWS) for name in plan.peers},
            "windows equal to PostgreSQL's": self._compared,
            "load while asked, rows/s": round(self._load_rate),
            "load wanted, rows/s": RATE,
            "many tenants": f"{how_many(self._many_rows)} x {SIGNALS_EACH} signals, 4 threads",
            "fleet": f"{plan.tenants} tenants x {BATCH_ROWS} rows a minute, {plan.minutes} minutes, one core",
            "judged": "yes" if self._figures.full else "no: bars are meant for 100 M rows and 30,000 tenants",
            "seconds in all": round(seconds),
        }


def bench_store(plan: Plan, say: Callable[[str], None]) -> Report:
    """Run the benchmark and clean up behind it.

    Raises:
        WrongRows: an engine lost rows or answers differently.
        PeerMissing: a peer is not installed.
        PeerFailed: one did not start or refused rows.
    """
    with TemporaryDirectory(dir=plan.folder, prefix="tundish-bench-") as folder:
        # PostgreSQL runs as another user and must get through.
        Path(folder).chmod(0o711)
        return Bench(plan, Path(folder), say).run()


def _of_peer(question: Question, duck: DuckDb | None, budget_s: float) -> dict[str, Times]:
    if duck is None:
        return {}
    found = {"duckdb": timed(partial(_answer, duck, question.duck), question.asks, budget_s)}
    if question.plain is not None:
        found["duckdb_plain_sql"] = timed(partial(_answer, duck, question.plain), question.asks, budget_s)
    return found


def _answer(duck: DuckDb, query: Callable[[Ask], str], ask: Ask) -> pa.Table:
    return duck.ask(query(ask))


def _once_ms(ask: Callable[[Ask], object], what: Ask) -> float:
    begun = time.perf_counter()
    ask(what)
    return (time.perf_counter() - begun) * 1000
