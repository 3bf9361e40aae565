"""A client that knows what was acknowledged: it sends batches, keeps a journal, and compares."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tundish_platform.store import Telemetry
    from tundish_platform.tenancy import TenantScope

START: Final = datetime(2026, 3, 1, tzinfo=UTC)
# Few keys, so that most rows are written again and again and the last write has to win.
SIGNALS: Final[Mapping[SampleKind, Sequence[int]]] = {
    SampleKind.NUMERIC: (1, 2, 3),
    SampleKind.INTEGER: (11, 12),
    SampleKind.TEXT: (21,),
    SampleKind.GAP: (1, 31),
}
_KINDS: Final = (SampleKind.NUMERIC, *SIGNALS)
_SECONDS: Final = 200
_OLD_DAY: Final = -5 * 86_400
_BATCH_ROWS: Final = (1, 3, 40)


class Key(NamedTuple):
    """What names a row: writing it again replaces it."""

    tenant: str
    kind: SampleKind
    signal: int
    second: int


Rows = dict[Key, Any]


@dataclass
class Found:
    """What a comparison found wrong, in counts and the first few in words.

    Attributes:
        lost: rows that were acknowledged and are missing or older.
        doubled: rows that are there twice.
        strange: rows that nobody sent.
        unreadable: queries or starts that failed.
        named: problems that the store names, although nothing was damaged.
        words: the first few.
    """

    lost: int = 0
    doubled: int = 0
    strange: int = 0
    unreadable: int = 0
    named: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def harm(self) -> int:
        """What hurts somebody; a false alarm only worries."""
        return self.lost + self.doubled + self.strange + self.unreadable

    @property
    def total(self) -> int:
        """All of it."""
        return self.harm + self.named

    def say(self, words: str) -> None:
        """Keep the first few."""
        if len(self.words) < 5:  # noqa: PLR2004 - enough to begin a search with
            self.words.append(words)

    def __iadd__(self, other: Found) -> Found:  # noqa: PYI034 - `Self` would promise too much
        for name in ("lost", "doubled", "strange", "unreadable", "named"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for words in other.words:
            self.say(words)
        return self


@dataclass
class Client:
    """Writes rows of all kinds for several tenants.

    Attributes:
        scopes: by tenant.
        chance: what it sends.
        known: the rows as they were acknowledged last.
        doubtful: values that were sent and not acknowledged; each may be there or not.
        sent: rows in all.
        now: gives the arrival time of a batch.
    """

    scopes: Mapping[str, TenantScope]
    chance: random.Random
    known: Rows = field(default_factory=dict)
    doubtful: dict[Key, set[Any]] = field(default_factory=dict)
    sent: int = 0
    now: Callable[[], datetime] = lambda: START + timedelta(days=1)

    def send(self, telemetry: Telemetry) -> None:
        """Append one request of a few batches, and write into the journal what came of it."""
        tenant = self.chance.choice(sorted(self.scopes))
        parts = [self.rows(tenant) for _ in range(self.chance.randint(1, 3))]
        self.deliver(telemetry, tenant, parts)

    def deliver(self, telemetry: Telemetry, tenant: str, parts: Sequence[Rows]) -> None:
        """Append rows; only what `append` returned for is known."""
        for key, value in ((k, v) for rows in parts for k, v in rows.items()):
            self.doubtful.setdefault(key, set()).add(value)
        telemetry.append(self.scopes[tenant], [as_batch(rows, self.now()) for rows in parts])
        for rows in parts:
            self.known |= rows
            for key in rows:
                # What was doubtful before is older than what is known now.
                self.doubtful.pop(key, None)

    def rows(self, tenant: str) -> Rows:
        """Some new values of one kind."""
        kind = self.chance.choice(_KINDS)
        made: Rows = {}
        for _ in range(self.chance.choice(_BATCH_ROWS)):
            self.sent += 1
            second = self.chance.randrange(_SECONDS) + self.chance.choice((0, 0, 0, _OLD_DAY))
            key = Key(tenant, kind, self.chance.choice(SIGNALS[kind]), second)
            made[key] = _value(kind, second, self.sent)
        return made

    def check(self, telemetry: Telemetry, *, durable: bool = True, trouble: bool = False) -> Found:
        """Compare with what the store reads.

        Args:
            telemetry: the store.
            durable: what it reads now can never be lost again, so it is what is known from here on.
            trouble: the store may name problems, because it has some.
        """
        result = Found()
        for problem in () if trouble else (*telemetry.verify(), *telemetry.state().problems):
            result.named += 1
            result.say(f"the store names a problem: {problem}")
        try:
            found = read_all(telemetry, self.scopes, result)
        except Exception as error:  # noqa: BLE001 - damage may break a query in any way, and that is the finding
            result.unreadable += 1
            result.say(f"a query failed: {type(error).__name__}: {error}")
            return result
        self._compare(found, result)
        if durable:
            self.known, self.doubtful = found, {}
        return result

    def _compare(self, found: Rows, result: Found) -> None:
        for key, value in self.known.items():
            if found.get(key) not in {value, *self.doubtful.get(key, ())}:
                result.lost += 1
                result.say(f"{key} should be {value!r} and is {found.get(key)!r}")
        for key in found.keys() - self.known.keys():
            if found[key] not in self.doubtful.get(key, ()):
                result.strange += 1
                result.say(f"{key} is {found[key]!r} and nobody sent it")


def read_all(telemetry: Telemetry, scopes: Mapping[str, TenantScope], result: Found) -> Rows:
    """Everything in the store; a key that comes twice is counted."""
    window = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    found: Rows = {}
    for tenant, scope in scopes.items():
        for kind, signals in SIGNALS.items():
            table = telemetry.read(scope, signals, *window, kind)
            value = "end" if kind is SampleKind.GAP else "value"
            seen = Counter(_keys(tenant, kind, table))
            for key, times in seen.items():
                result.doubled += times - 1
                if times > 1:
                    result.say(f"{key} is there {times} times")
            found |= zip(_keys(tenant, kind, table), table[value].to_pylist(), strict=True)
    return found


def as_batch(rows: Rows, arrival: datetime) -> SampleBatch:
    """Rows of one kind as a batch."""
    kind = next(iter(rows)).kind
    columns: list[Iterable[Any]] = [
        (key.signal for key in rows),
        (START + timedelta(seconds=key.second) for key in rows),
        rows.values(),
        ("spool_full" if kind is SampleKind.GAP else 0 for _ in rows),
    ]
    schema = SCHEMAS[kind]
    arrays = [pa.array(list(column), f.type) for column, f in zip(columns, schema, strict=True)]
    return SampleBatch(kind, pa.table(arrays, schema=schema), arrival, Origin.LIVE)


def _keys(tenant: str, kind: SampleKind, table: pa.Table) -> Iterable[Key]:
    seconds = (int((ts - START).total_seconds()) for ts in table["ts"].to_pylist())
    return (Key(tenant, kind, s, t) for s, t in zip(table["signal"].to_pylist(), seconds, strict=True))


def _value(kind: SampleKind, second: int, number: int) -> Any:  # noqa: ANN401 - each kind has its own
    if kind is SampleKind.GAP:
        return START + timedelta(seconds=second + 1, microseconds=number)
    return {SampleKind.INTEGER: 2**53 + number, SampleKind.TEXT: f"text {number}"}.get(kind, float(number))
