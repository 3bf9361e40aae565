"""The process whose clock is stepped: run by `clocks` under libfaketime."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tundish_deploy.campaigns.client import SIGNALS, Client, Key, as_batch
from tundish_deploy.campaigns.clocks import Stepped
from tundish_deploy.campaigns.world import new_database, scopes_of
from tundish_deploy.logs import configure_logs
from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind
from tundish_platform.store import SealSettings, Telemetry, TimeOutOfRange
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_platform.tenancy import TenantScope

_BAD_YEARS: Final = (1601, 9999)
_BAD_SIGNAL: Final = 77
_FLICKER_S: Final = 0.01
_SENDS: Final = 4
_SETTINGS: Final = SealSettings(seal_rows=200, own_rows=50, seal_after=timedelta(seconds=0.1))


class WallClockTelemetry(Telemetry):
    """Lets the row with the later arrival hold, not the one written last: wrong when a clock goes back."""

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> int:
        """Leave out rows whose arrival is before that of the row they would replace."""
        arrivals: dict[Any, datetime] = self.__dict__.setdefault("arrivals", {})
        for batch in batches:
            columns = (batch.table["signal"].to_pylist(), batch.table["ts"].to_pylist())
            keys = [(scope.slug, batch.kind, *key) for key in zip(*columns, strict=True)]
            newer = pa.array([arrivals.get(key, batch.arrival) <= batch.arrival for key in keys])
            arrivals.update(
                (key, batch.arrival) for key, new in zip(keys, newer.to_pylist(), strict=True) if new
            )
            super().append(scope, [SampleBatch(batch.kind, batch.table.filter(newer), batch.arrival)])
        return sum(len(batch) for batch in batches)


class Clock:
    """This process's wall clock.

    Args:
        file: where libfaketime reads the offset.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._zero = time.time() - time.monotonic()
        self.steps = 0

    def set(self, offset_s: int) -> None:
        """Step it, and see that it stepped.

        Raises:
            RuntimeError: it did not, so nothing is tested.
        """
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset_s:+d}")
        new.replace(self._file)
        seen = time.time() - time.monotonic() - self._zero
        if abs(seen - offset_s) > 1:
            raise RuntimeError(f"the clock should be {offset_s} s off and is {seen:.1f} s off")
        self.steps += 1

    @contextmanager
    def flickering(self, chance: random.Random, steps: Sequence[int]) -> Iterator[None]:
        """Step it again and again, under whatever happens meanwhile."""
        stop = threading.Event()

        def flicker() -> None:
            while not stop.wait(_FLICKER_S):
                self.set(chance.choice(steps))

        thread = threading.Thread(target=flicker)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.set(0)


def run(folder: Path, seed: str, rounds: int, kind: type[Telemetry], steps: Sequence[int]) -> Stepped:
    """Write, seal, read and start again while the clock steps."""
    result = Stepped(seed)
    clock = Clock(folder / "clock")
    metadata = Metadata(f"sqlite:///{new_database(folder / 'metadata.sqlite')}")
    chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
    client = Client(scopes_of(), chance, now=lambda: datetime.now(UTC))
    with closing(metadata):
        for _ in range(rounds):
            with closing(kind(folder / "store", metadata, settings=_SETTINGS)) as telemetry:
                for offset in steps:
                    clock.set(offset)
                    _work(telemetry, client, result)
                _bad_times(telemetry, client, result)
                with clock.flickering(random.Random(seed), steps):  # noqa: S311 - chance, not secrecy
                    for _ in steps:
                        _work(telemetry, client, result)
    result.steps, result.rows = clock.steps, client.sent
    return result


def _work(telemetry: Telemetry, client: Client, result: Stepped) -> None:
    # The same rows after every step: only the order of writing says which value holds.
    client.sent += 1
    rows = {Key("steel", SampleKind.NUMERIC, signal, 0): float(client.sent) for signal in (1, 2, 3)}
    client.deliver(telemetry, "steel", [rows])
    for _ in range(_SENDS):
        client.send(telemetry)
    if client.chance.random() < 0.5:  # noqa: PLR2004 - a coin
        client.chance.choice((telemetry.seal, telemetry.spill))()
    found = client.check(telemetry, durable=False)
    result.lost += found.lost
    result.other += found.total - found.lost
    result.words += found.words[: 5 - len(result.words)]


def _bad_times(telemetry: Telemetry, client: Client, result: Stepped) -> None:
    schema = SCHEMAS[SampleKind.NUMERIC]
    good = as_batch(client.rows("steel"), client.now())
    for year in _BAD_YEARS:
        columns = [
            [SIGNALS[SampleKind.NUMERIC][0], _BAD_SIGNAL],
            [client.now(), datetime(year, 1, 1, tzinfo=UTC)],
        ]
        arrays = [pa.array(c, f.type) for c, f in zip([*columns, [0.0, 1.0], [0, 0]], schema, strict=True)]
        bad = SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=schema), client.now(), Origin.LIVE)
        result.bad_times += 1
        try:
            telemetry.append(client.scopes["steel"], [good, bad])
        except TimeOutOfRange as error:
            result.wrongly_taken += str(_BAD_SIGNAL) not in str(error)
        else:
            result.wrongly_taken += 1


if __name__ == "__main__":
    configure_logs("CRITICAL")
    store = {"telemetry": Telemetry, "wall-clock": WallClockTelemetry}[sys.argv[4]]
    outcome = run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), store, json.loads(sys.argv[5]))
    print(json.dumps(asdict(outcome)))  # noqa: T201 - for the parent
