"""From a connector's values to the spool: nothing is acknowledged before `Recorder.flush` said it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from tundish_connectors.collect.checkpoint import Checkpoint, read_checkpoint
from tundish_connectors.collect.numbers import SignalNumbers
from tundish_connectors.collect.progress import GapRow, Progress
from tundish_connectors.collect.rows import Row, fit, gap_batch, value_batch
from tundish_connectors.collect.thinning import Thinning, as_thinned
from tundish_connectors.delivery.protocol import SignalTrouble, Subscribed
from tundish_connectors.spool import SpoolError
from tundish_platform.samples import GOOD, GapReason, Origin, SampleKind, encode_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_connectors.collect.config import Connection
    from tundish_connectors.collect.thinning import Point
    from tundish_connectors.delivery.forwarder import Counters
    from tundish_connectors.delivery.protocol import Delivery
    from tundish_connectors.spool import Spool
    from tundish_platform.samples import SampleBatch, SignalSpec

_log = structlog.get_logger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SILENT_US = 5_000_000


def now_us() -> int:
    """The wall clock in microseconds since 1970."""
    return (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)


@dataclass
class _Taken:
    """What the next flush keeps."""

    values: dict[SampleKind, list[Row]] = field(default_factory=dict)
    gaps: list[GapRow] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    rows: int = 0


class Recorder:
    """Belongs to one connection and outlives its sessions.

    Attributes:
        specs: the declared signals that have a number, by path.
        failed: signals that cannot be had, and why; the connector keeps it.
        full: the last flush was refused for want of room or because the disk failed.
    """

    def __init__(self, connection: Connection, spool: Spool, delivery: Delivery, counters: Counters) -> None:
        self._connection = connection
        self._spool = spool
        self._counters = counters
        state = connection.state_dir
        self._numbers = SignalNumbers(connection.name, delivery, spool, state / "signals.json")
        self._thinning: Thinning[str] = Thinning(connection.thin)
        self._checkpoint_path = state / "last.json"
        self._progress = Progress()
        self._resumed = read_checkpoint(self._checkpoint_path, spool)
        self._before: Progress | None = None
        self._taken = _Taken()
        self.specs: dict[str, SignalSpec] = {}
        self.failed: dict[str, str] = {}
        self.full = False
        spool.on_roll = self.save

    def declare(self, specs: Sequence[SignalSpec]) -> None:
        """Have signals numbered at the platform; blocks for as long as the delivery is patient.

        Raises:
            ConnectorError: the platform refuses, or is out of reach and knows none of the signals yet.
        """
        specs = [as_thinned(self._connection.thin, spec) for spec in specs]
        self._numbers.declare(specs)
        fresh = [spec.path for spec in specs if spec.path not in self.specs]
        self.specs.update({spec.path: spec for spec in specs if spec.path in self._numbers.known})
        for path in fresh:
            if path in self.specs and self.specs[path].kind is SampleKind.NUMERIC:
                self._thinning.follow(path, path)
            known = self._resumed.get(self._numbers.known.get(path, 0))
            if known is not None:
                self._progress.last.setdefault(path, known)
        self.lost(GapReason.COLLECTOR_STOPPED, fresh)

    def take(
        self,
        path: str,
        ts_us: int,
        value: Any,  # noqa: ANN401 - whatever the source sent; it is made to fit the signal's kind
        status: int = GOOD,
        *,
        historical: bool = False,
    ) -> None:
        """Add a value to what the next flush keeps; a value of the wrong type becomes null and bad.

        Args:
            path: a declared signal; others are ignored, because they have no number.
            ts_us: source time in µs since 1970.
            value: of the signal's kind, or None.
            status: OPC UA status code.
            historical: it says nothing of how things stand now.
        """
        spec = self.specs.get(path)
        if spec is None:
            return
        if self._before is None:
            self._before = self._progress.copy()
        value, status = fit(spec.kind, value, status)
        self._taken.rows += 1
        self._taken.paths.add(path)
        if historical:
            self._add(spec, (ts_us, value, status))
            return
        gap = self._progress.observe(path, ts_us, now_us())
        if gap is not None:
            self._add_held(self._thinning.cut([path]))
            self._taken.gaps.append(gap)
        point = (ts_us, value, status)
        for one in self._thinning.take(path, point) if spec.kind is SampleKind.NUMERIC else [point]:
            self._add(spec, one)

    def _add_held(self, held: Iterable[tuple[str, Point]]) -> None:
        for path, point in held:
            self._add(self.specs[path], point)

    def _add(self, spec: SignalSpec, point: tuple[int, Any, int]) -> None:
        row = (self._numbers.known[spec.path], *point)
        self._taken.values.setdefault(spec.kind, []).append(row)

    def lost(self, reason: GapReason, paths: Iterable[str] | None = None) -> None:
        """Something may be missing from now on, of some signals or of all; the next sample closes the gap."""
        held = {path: spec.period_s is None for path, spec in self.specs.items()}
        self._progress.lost(reason, self.specs if paths is None else paths, now_us(), held)

    def flush(self, origin: Origin = Origin.LIVE) -> bool:
        """Make everything taken durable; False when it could not be kept, which is then recorded as a gap."""
        taken, self._taken = self._taken, _Taken()
        arrival = datetime.now(UTC)
        batches = [value_batch(kind, rows, arrival, origin) for kind, rows in taken.values.items()]
        if taken.gaps:
            gaps = [(self._numbers.known[path], since, end, why) for path, since, end, why in taken.gaps]
            batches.append(gap_batch(gaps, arrival))
        kept = self._keep(batches)
        before, self._before = self._before, None
        if not kept:
            self._thinning.go_back()
            self._counters.add(received=taken.rows, dropped=taken.rows)
            self._progress = before or self._progress
            self.lost(GapReason.SPOOL_FULL, taken.paths)
            return False
        self._counters.add(received=taken.rows + len(taken.gaps), thinned=self._thinning.settle())
        return True

    def keep_batches(self, batches: Sequence[SampleBatch]) -> bool:
        """Make ready batches durable, as of files; they are neither thinned nor followed for gaps."""
        rows = sum(len(batch) for batch in batches)
        kept = self._keep(batches)
        self._counters.add(received=rows, dropped=0 if kept else rows)
        return kept

    def number(self, path: str) -> int:
        """The tenant's number of a declared signal."""
        return self._numbers.known[path]

    def _keep(self, batches: Sequence[SampleBatch]) -> bool:
        if not batches:
            return True
        try:
            self._spool.append([encode_batch(batch) for batch in batches])
        except SpoolError as error:
            if not self.full:
                _log.error("values could not be kept; a gap will be recorded", reason=str(error))
            self.full = True
            return False
        self.full = False
        return True

    def silent(self) -> list[str]:
        """Periodic signals of which nothing came for long, by the wall clock."""
        periods = {path: int(spec.period_s * 1e6) for path, spec in self.specs.items() if spec.period_s}
        return self._progress.silent(periods, now_us(), _SILENT_US)

    def subscribed(self) -> Subscribed:
        """How the signals stand, for the heartbeat."""
        return Subscribed(
            subscribed=len(self.specs) - len(self.failed.keys() & self.specs.keys()),
            failed=[SignalTrouble(path=path, reason=why) for path, why in sorted(self.failed.items())],
            silent=self.silent(),
        )

    def close(self) -> None:
        """Keep what was held back by thinning, and write down how far each signal came."""
        self._add_held(self._thinning.release())
        self.flush()
        self.save()

    def save(self) -> None:
        """Write down how far each signal has come; older segments are not needed for that any more."""
        known = self._numbers.known
        # What is not in the spool yet does not count, nor does what is being written as a segment begins.
        reached = (self._before or self._progress).last | self._thinning.on_disk()
        last = {known[path]: ts for path, ts in reached.items() if path in known}
        try:
            Checkpoint(number=self._spool.last, last=self._resumed | last).write(self._checkpoint_path)
        except OSError as error:
            _log.warning("the checkpoint could not be written", reason=str(error))
