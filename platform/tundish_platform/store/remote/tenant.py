"""One tenant's rows as a process without the buffer reads them: segments itself, the rest from the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.facts import FACTS_SCHEMA
from tundish_platform.store.reading import Snapshot, TenantReading
from tundish_platform.store.remote.freshness import note
from tundish_platform.store.remote.seals import scope_told
from tundish_platform.store.remote.wire import instant_of, micros_told, segment_of, tables_of
from tundish_platform.store.write.latest import LatestValues

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tundish_platform.store.remote.protocol import Message
    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.tenancy.scope import TenantScope


class RemoteTenant(TenantReading):
    """Lives for one query; nothing of an idle tenant stays.

    Args:
        scope: whose.
        reader: of the tenant's segments.
        ask: puts a request to the writer; None where it does not answer.
        committed: looks the tenant's segments up in the manifest.
    """

    def __init__(
        self,
        scope: TenantScope,
        reader: SegmentReader,
        ask: Callable[[Mapping[str, Any]], Message | None],
        committed: Callable[[], list[SegmentFile]],
    ) -> None:
        self.tenant_id = scope.tenant_id
        self.reader = reader
        self._scope = scope_told(scope)
        self._ask = ask
        self._committed = committed
        self._unreadable: set[str] = set()

    def snapshot(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime | None, end: datetime | None
    ) -> Snapshot:
        """Segments that may hold rows with ``start <= ts < end``, and the newer rows that do."""
        answer = self._asked("snapshot", kind, signals, start, end)
        if answer is None:
            known = [f for f in self._sealed() if f.kind is kind and f.overlaps(start, end)]
            damaged = [f for f in known if f.damaged or f.path in self._unreadable]
            return Snapshot([f for f in known if f not in damaged], [], damaged)
        return Snapshot(
            [segment_of(told) for told in answer.head["files"]],
            tables_of(answer.head["tables"], answer.body),
            [segment_of(told) for told in answer.head["damaged"]],
        )

    def latest(self, signals: Sequence[int] | None) -> pa.Table:
        """Newest sample of each signal; without the writer, of those in segments."""
        answer = self._asked("latest", None, signals, None, None)
        if answer is not None:
            return tables_of(answer.head["tables"], answer.body)[0]
        return self._consistently(self._sealed_latest).table(signals)

    def damaged(self, start: datetime | None, end: datetime | None) -> list[SegmentFile]:
        """Segments with samples between two instants that cannot be read; one question for all kinds."""
        answer = self._asked("broken", None, None, start, end)
        if answer is None:
            return super().damaged(start, end)
        return [segment_of(told) for told in answer.head["damaged"]]

    def live_minutes(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime, end: datetime
    ) -> tuple[list[pa.Table], pa.Table | None]:
        """Counts only: the writer counts its rows itself, so that they need not come over."""

        def parts() -> pa.Table:
            answer = self._asked("minutes", kind, signals, start, end)
            if answer is None:
                known = self.snapshot(kind, signals, None, None).files
                files, counted = [file for file in known if file.max_arrival >= start], []
            else:
                files = [segment_of(told) for told in answer.head["files"]]
                counted = tables_of(answer.head["tables"], answer.body)
            if files:
                sealed = self.reader.live_minutes(files, signals, start, end)
                counted.append(sealed.select(FACTS_SCHEMA.names).cast(FACTS_SCHEMA))
            return pa.concat_tables([FACTS_SCHEMA.empty_table(), *counted])

        return [], self._consistently(parts)

    def report_damaged(self, file: str) -> None:
        """Tell the writer, which looks for itself; without it, leave the segment out of this query."""
        if self._ask({"do": "report", "scope": self._scope, "file": file}) is None:
            self._unreadable.add(file)

    def _asked(
        self,
        do: str,
        kind: SampleKind | None,
        signals: Sequence[int] | None,
        start: datetime | None,
        end: datetime | None,
    ) -> Message | None:
        head = {
            "do": do,
            "scope": self._scope,
            "kind": None if kind is None else kind.value,
            "signals": None if signals is None else [int(number) for number in signals],
            "start": micros_told(start),
            "end": micros_told(end),
        }
        answer = self._ask(head)
        if answer is not None:
            note(instant_of(answer.head["instant"]), buffered=True)
        return answer

    def _sealed(self) -> list[SegmentFile]:
        known = self._committed()
        note(max((file.max_arrival for file in known), default=None), buffered=False)
        return known

    def _sealed_latest(self) -> LatestValues:
        found = LatestValues()
        known = self._sealed()
        for kind in SampleKind:
            files = [f for f in known if f.kind is kind and not f.damaged and f.path not in self._unreadable]
            if kind is not SampleKind.GAP:
                for table in self.reader.newest(kind, files):
                    found.update(kind, table)
        return found
