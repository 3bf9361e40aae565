"""What the writer answers on its socket, and for whom: every answer is for the scope under the seal."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tundish_platform.samples import SampleKind, decode_batch
from tundish_platform.store.query.facts import FACTS_SCHEMA, live_minutes
from tundish_platform.store.remote.seals import scope_of
from tundish_platform.store.remote.wire import instant_of, micros_told, segment_told, tables_told
from tundish_platform.tenancy.scope import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tundish_platform.store.remote.protocol import Message
    from tundish_platform.store.telemetry import Telemetry
    from tundish_platform.tenancy.scope import TenantScope

    Answered = tuple[dict[str, Any], Sequence[Any]]


class WriterService:
    """Answers requests whose seal was found valid.

    Args:
        telemetry: the store.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._store = telemetry.tenant_store
        self._acts: Final[Mapping[str, Callable[[Message], Answered]]] = {
            "append": self._append,
            "broken": self._broken,
            "charge": self._charge,
            "latest": self._latest,
            "minutes": self._minutes,
            "ping": self._ping,
            "report": self._report,
            "seal": self._seal,
            "snapshot": self._snapshot,
            "state": self._state,
            "take": self._take,
        }

    def __call__(self, message: Message) -> Answered:
        """Head and body of the answer.

        Raises:
            AccessDenied: the scope does not allow it.
            ValueError: there is no such request.
        """
        act = self._acts.get(message.head.get("do", ""))
        if act is None:
            raise ValueError(f"the writer knows no request {message.head.get('do')!r}")
        return act(message)

    def _append(self, message: Message) -> Answered:
        scope = scope_of(message.head["scope"])
        ends = list(accumulate(message.head["sizes"]))
        parts = [message.body[first:end] for first, end in pairwise([0, *ends])]
        appended = self._telemetry.append(scope, [decode_batch(part) for part in parts])
        return {"rows": int(appended), "expired": appended.expired}, ()

    def _snapshot(self, message: Message) -> Answered:
        scope, signals = _readable(message.head)
        head = message.head
        told = _now()
        found = self._store(scope).snapshot(
            SampleKind(head["kind"]), signals, instant_of(head["start"]), instant_of(head["end"])
        )
        counts, body = tables_told(found.tables)
        told |= {
            "files": [segment_told(file) for file in found.files],
            "damaged": [segment_told(file) for file in found.damaged],
            "expired": [segment_told(file) for file in found.expired],
            "tables": counts,
        }
        return told, body

    def _minutes(self, message: Message) -> Answered:
        """Segments with samples that arrived in a window, and counts of those outside segments."""
        scope, signals = _readable(message.head)
        start, end = instant_of(message.head["start"]), instant_of(message.head["end"])
        if start is None or end is None:
            raise ValueError("minutes need a window")
        told = _now()
        found = self._store(scope).snapshot(SampleKind(message.head["kind"]), signals, None, None)
        counted = [FACTS_SCHEMA.empty_table(), *(live_minutes(t, start, end) for t in found.tables)]
        counts, body = tables_told([pa.concat_tables(counted)])
        told |= {
            "files": [segment_told(file) for file in found.files if file.max_arrival >= start],
            "tables": counts,
        }
        return told, body

    def _latest(self, message: Message) -> Answered:
        scope, signals = _readable(message.head)
        told = _now()
        counts, body = tables_told([self._store(scope).latest(signals)])
        return told | {"tables": counts}, body

    def _broken(self, message: Message) -> Answered:
        scope, _ = _readable(message.head)
        told = _now()
        start, end = instant_of(message.head["start"]), instant_of(message.head["end"])
        return told | {"damaged": [segment_told(f) for f in self._store(scope).damaged(start, end)]}, ()

    def _report(self, message: Message) -> Answered:
        """A reader could not read a segment; the store looks for itself."""
        scope, _ = _readable(message.head)
        self._store(scope).report_damaged(str(message.head["file"]))
        return {}, ()

    def _take(self, message: Message) -> Answered:
        """Whether a tenant may ask, or in how many seconds; all processes draw on one bucket."""
        return {"wait_s": self._telemetry.limits.seconds.take(*_tokens(message.head))}, ()

    def _charge(self, message: Message) -> Answered:
        self._telemetry.limits.seconds.charge(*_tokens(message.head))
        return {}, ()

    def _ping(self, _message: Message) -> Answered:
        return _now() | {"ready": self._telemetry.ready}, ()

    def _seal(self, _message: Message) -> Answered:
        self._telemetry.seal()
        return {}, ()

    def _state(self, _message: Message) -> Answered:
        return {"state": self._telemetry.state().as_dict()}, ()


def _now() -> dict[str, Any]:
    # Read before the store is: whatever was acknowledged before this instant is in the answer.
    return {"instant": micros_told(datetime.now(UTC))}


def _tokens(head: Mapping[str, Any]) -> tuple[int, float, float, float]:
    return int(head["tenant"]), float(head["amount"]), float(head["rate"]), float(head["burst"])


def _readable(head: Mapping[str, Any]) -> tuple[TenantScope, Sequence[int] | None]:
    """The scope of a request to read, and the signals it asks for, which it may."""
    scope = scope_of(head["scope"])
    scope.require(Permission.READ)
    signals: Sequence[int] | None = head.get("signals")
    if scope.signals is None:
        return scope, signals
    if signals is None:
        return scope, sorted(scope.signals)
    if foreign := set(signals) - scope.signals:
        raise AccessDenied(f"{scope.principal} may not read signal {min(foreign)}")
    return scope, signals
