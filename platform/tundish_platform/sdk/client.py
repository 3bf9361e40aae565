"""`Client`: the HTTP API as methods, for workers, tools and tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tundish_platform.samples import SignalInfo, encode_batch, encode_frames
from tundish_platform.sdk.calls.alarms import AlarmCalls
from tundish_platform.sdk.calls.alerts import AlertCalls
from tundish_platform.sdk.calls.assets import AssetCalls
from tundish_platform.sdk.calls.billing import BillingCalls
from tundish_platform.sdk.calls.data import DataCalls
from tundish_platform.sdk.calls.handover import HandoverCalls
from tundish_platform.sdk.calls.jobs import JobCalls
from tundish_platform.sdk.calls.marketplace import MarketplaceCalls
from tundish_platform.sdk.calls.models import ModelCalls
from tundish_platform.sdk.calls.notices import NoticeCalls
from tundish_platform.sdk.calls.paths import ARROW, given, joined, of
from tundish_platform.sdk.calls.people import PeopleCalls
from tundish_platform.sdk.calls.products import ProductCalls
from tundish_platform.sdk.calls.programme import ProgrammeCalls
from tundish_platform.sdk.calls.publishing import PublishingCalls
from tundish_platform.sdk.calls.ratings import RatingCalls
from tundish_platform.sdk.calls.records import RecordCalls
from tundish_platform.sdk.calls.register import RegisterCalls
from tundish_platform.sdk.calls.series import SeriesCalls
from tundish_platform.sdk.calls.sessions import SessionCalls
from tundish_platform.sdk.calls.sharing import SharingCalls
from tundish_platform.sdk.calls.tables import TableCalls
from tundish_platform.sdk.calls.trials import TrialCalls
from tundish_platform.sdk.transport import ApiError, StreamEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tundish_platform.samples import SampleBatch, SignalSpec
    from tundish_platform.sdk.calls.answers import Health, Me, SourceInfo, Vocabulary

__all__ = ["ApiError", "Client", "StreamEvent"]

_BATCHES: Final = "application/vnd.tundish.batches"
# No answer, too many streams or a platform that starts anew: the stream goes on later.
_PASSING: Final = frozenset({0, 429, 503})
_STREAM_PAUSE_S: Final = 1.0


class Client(
    DataCalls,
    AlarmCalls,
    AlertCalls,
    NoticeCalls,
    HandoverCalls,
    AssetCalls,
    TableCalls,
    ProductCalls,
    ModelCalls,
    JobCalls,
    MarketplaceCalls,
    BillingCalls,
    TrialCalls,
    RatingCalls,
    PublishingCalls,
    RecordCalls,
    ProgrammeCalls,
    RegisterCalls,
    SeriesCalls,
    SharingCalls,
    PeopleCalls,
    SessionCalls,
):
    """The HTTP API as methods; safe to use from several threads. What is refused raises `ApiError`.

    Answers are what the JSON says, typed in `tundish_platform.sdk.calls.answers`; lists that grow come as
    iterators that fetch page by page.
    """

    def health(self) -> Health:
        """How the platform stands; raises `ApiError` 503 while it starts."""
        found: Health = self._json("GET", "/health")
        return found

    def me(self) -> Me:
        """Whose token this is, and what it may do where."""
        found: Me = self._json("GET", "/me")
        return found

    def vocabulary(self) -> Vocabulary:
        """The units and semantic kinds there are."""
        found: Vocabulary = self._json("GET", "/vocabulary")
        return found

    def signals(
        self, tenant: str, search: str | None = None, *, kind: str | None = None,
        unit: str | None = None, line: str | None = None,
    ) -> list[SignalInfo]:  # fmt: skip
        """All signals of a tenant that the token may see, or those looked for; see `every_signal`."""
        return list(self.every_signal(tenant, search, kind=kind, unit=unit, line=line))

    def every_signal(
        self, tenant: str, search: str | None = None, *, kind: str | None = None,
        unit: str | None = None, line: str | None = None,
    ) -> Iterator[SignalInfo]:  # fmt: skip
        """The same, fetched page by page.

        Args:
            tenant: its short name.
            search: parts of path or names with blanks between; all must be found.
            kind: semantic kind, with its special kinds.
            unit: UCUM code of the unit stored.
            line: path of a line, or of anything else above the signals.
        """
        asked = given(search=search, kind=kind, unit=unit, line=line)
        return map(SignalInfo.model_validate, self._every(of(tenant, "signals"), asked))

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals; returns the number of each path."""
        body = {"source": source, "signals": [spec.model_dump(mode="json") for spec in specs]}
        ids: dict[str, int] = self._json("PUT", of(tenant, "signals"), json=body)["ids"]
        return ids

    def sources(self, tenant: str) -> list[SourceInfo]:
        """The tenant's sources with their last heartbeats."""
        return self._list(of(tenant, "sources"))

    def put_source(self, tenant: str, name: str, heartbeat: Mapping[str, Any]) -> None:
        """Send a source's heartbeat."""
        self._send("PUT", of(tenant, "sources", name), json=dict(heartbeat))

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        """Send batches; returns the rows stored, once they are on the platform's disk."""
        body = encode_frames(encode_batch(batch) for batch in batches)
        answer = self._send("POST", of(tenant, "ingest"), content=body, headers={"Content-Type": _BATCHES})
        return int(answer.json()["rows"])

    def send(self, tenant: str, data: pa.Table | Sequence[Mapping[str, Any]], origin: str = "live") -> int:
        """Send samples, all or none; returns the rows stored, once they are on the platform's disk.

        Args:
            tenant: its short name.
            data: columns ``signal`` (number) or ``path``, ``ts`` (with a zone), ``value`` and, if not all are
                good, ``status``; or at most 100,000 rows with these members, times as ISO 8601.
            origin: ``live``, or ``import`` for history that adoption does not count.

        Raises:
            ApiError: ``bad_rows`` with the wrong rows as ``detail["rows"]``, or another refusal.
        """
        parts: dict[str, Any] = {"json": list(data)} if not isinstance(data, pa.Table) else _arrow_body(data)
        return int(self._json("POST", of(tenant, "telemetry"), params={"origin": origin}, **parts)["rows"])

    def stream(
        self, tenant: str, signals: Iterable[int], last: str = "", *, again: bool = True
    ) -> Iterator[StreamEvent]:
        """Samples as they come, for as long as you take them; the first ones are the newest of each signal.

        Args:
            tenant: its short name.
            signals: at most 100 numbers.
            last: id of the last event you had, to get what came since.
            again: go on where a broken stream ended; without, it ends with an `ApiError`.
        """
        asked = {"signals": joined(signals)}
        while True:
            try:
                for event in self._events(of(tenant, "stream"), asked, last):
                    last = event.id
                    yield event
            except ApiError as error:
                if not again or error.status not in _PASSING:
                    raise
            if not again:
                return
            time.sleep(_STREAM_PAUSE_S)


def _arrow_body(table: pa.Table) -> dict[str, Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {"content": sink.getvalue().to_pybytes(), "headers": {"Content-Type": ARROW}}
