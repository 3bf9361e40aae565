"""What has changed in one tenant since the last look, read once for all who may see the same of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from tundish_dashboards.live.messages import facts_of, message, row_of
from tundish_dashboards.plant.conditions import (
    DERIVED_ROLES,
    Condition,
    Latest,
    SignalState,
    judge,
    last_arrival,
    line_of,
    source_now,
)
from tundish_dashboards.plant.data import VALUE_COLUMNS, Line
from tundish_platform.assets import list_signals, list_sources
from tundish_platform.store.lifecycle.quota import OverQuota
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.i18n import Language
    from tundish_dashboards.live.viewer import Viewer
    from tundish_platform.assets import SourceInfo
    from tundish_platform.samples import SignalInfo

log = structlog.get_logger(__name__)

# Names, units and reports of connectors are read anew after this; where that is slow, less often.
_KNOWN_S: Final = 2.0
_KNOWN_SHARE: Final = 20
_JUDGED_S: Final = 1.0


class Feed:
    """The newest of a tenant's signals as people with the same rights see them.

    Only the hub's thread uses it.
    """

    def __init__(self) -> None:
        self._number = 0
        self._known: dict[int, SignalInfo] = {}
        self._sources: tuple[SourceInfo, ...] = ()
        self._known_until = self._judged_until = 0.0
        self._latest: dict[int, Latest] = {}
        self._stamps: dict[int, tuple[int, int]] = {}
        self._states: dict[int, SignalState] = {}
        self._changed: dict[int, int] = {}
        self._lines: dict[str, Line] = {}
        self._rows: dict[tuple[Language, int], tuple[SignalState, bytes]] = {}
        self._facts: dict[tuple[Language, str], tuple[Line, bytes]] = {}
        self._failing = False

    def look(self, viewers: Sequence[Viewer], now: float) -> bool:
        """Find out what is new; whether that could be said.

        Args:
            viewers: who is told of it; all of one tenant and with the same rights.
            now: seconds, never going back.
        """
        try:
            self._look(viewers, now)
        except (OverQuota, WriterAway):
            return False
        except Exception:
            if not self._failing:
                log.exception("live_look_failed", tenant=viewers[0].view.scope.slug)
            self._failing = True
            return False
        self._failing = False
        return True

    def news(self, viewer: Viewer) -> bytes | None:
        """An event with what the viewer was not told yet; ``None`` where there is nothing."""
        view, since = viewer.view, viewer.upto
        rows = [self._row(view, number) for number in self._shown(viewer) if self._changed[number] > since]
        facts = self._said(view, viewer.wish.line)
        viewer.upto = self._number
        told, viewer.facts = viewer.facts, facts
        return message(rows, facts if facts != told else b"") if rows or facts != told else None

    def _shown(self, viewer: Viewer) -> Iterable[int]:
        wish = viewer.wish
        if not wish.line:
            return sorted(wish.signals & self._changed.keys())
        line = self._lines.get(wish.line)
        return () if line is None else [s.signal.id for s in line.states if s.signal.id in self._changed]

    def _row(self, view: TenantView, number: int) -> bytes:
        """The signal's row in the reader's language, made once for all of them."""
        state, key = self._states[number], (view.person.language, number)
        kept = self._rows.get(key)
        if kept is None or kept[0] is not state:
            line = self._lines[line_of(state.signal)]
            kept = self._rows[key] = (state, row_of(view, line, state))
        return kept[1]

    def _said(self, view: TenantView, path: str) -> bytes:
        """The line's facts in the reader's language, made once for all of them."""
        if (line := self._lines.get(path)) is None:
            return b""
        key = (view.person.language, path)
        kept = self._facts.get(key)
        if kept is None or kept[0] is not line:
            kept = self._facts[key] = (line, facts_of(view, line))
        return kept[1]

    def _look(self, viewers: Sequence[Viewer], now: float) -> None:
        view = viewers[0].view
        self._number += 1
        if now >= self._known_until:
            self._read_known(view, now)
        members = self._members(viewers)
        wanted = [signal.id for shown in members.values() for signal in shown]
        moved = self._take(view.context.telemetry.latest(view.scope, wanted))
        if not moved and now < self._judged_until and members.keys() == self._lines.keys():
            # Nothing came; only the clocks of the lines go on.
            return
        self._judged_until = now + _JUDGED_S
        self._lines = {path: self._judge(path, shown) for path, shown in members.items()}
        self._forget(set(wanted))

    def _forget(self, wanted: set[int]) -> None:
        """Let go of what nobody looks at any more."""
        for number in self._states.keys() - wanted:
            del self._states[number], self._changed[number]
        self._rows = {key: row for key, row in self._rows.items() if key[1] in wanted}
        self._facts = {key: said for key, said in self._facts.items() if key[1] in self._lines}

    def _read_known(self, view: TenantView, now: float) -> None:
        began = time.monotonic()
        with view.context.metadata.session() as session:
            self._known = {signal.id: signal for signal in list_signals(session, view.scope)}
            self._sources = tuple(list_sources(session, view.scope))
        self._known_until = now + max(_KNOWN_S, _KNOWN_SHARE * (time.monotonic() - began))
        self._judged_until = 0.0

    def _members(self, viewers: Sequence[Viewer]) -> dict[str, list[SignalInfo]]:
        """By line that somebody looks at, its measured signals, and what else is looked at there."""
        named = frozenset().union(*(viewer.wish.signals for viewer in viewers))
        lines = {viewer.wish.line for viewer in viewers if viewer.wish.line}
        lines |= {line_of(self._known[number]) for number in named if number in self._known}
        members: dict[str, list[SignalInfo]] = {path: [] for path in sorted(lines)}
        # What is known was listed a moment ago, the places of the scope may have been looked up since.
        seen = viewers[0].view.scope.signals
        for signal in self._known.values():
            path = line_of(signal)
            shown = signal.role not in DERIVED_ROLES or signal.id in named
            if path in members and shown and (seen is None or signal.id in seen):
                members[path].append(signal)
        return {path: sorted(shown, key=lambda s: s.path) for path, shown in members.items() if shown}

    def _take(self, table: pa.Table) -> bool:
        """Keep what is new of the newest samples; whether anything is."""
        numbers = table["signal"].to_pylist()
        for number in self._latest.keys() - set(numbers):
            del self._latest[number], self._stamps[number]
        stamps = zip(micros(table["ts"]).tolist(), micros(table["arrival"]).tolist(), strict=True)
        fresh = [
            (row, number, stamp)
            for row, (number, stamp) in enumerate(zip(numbers, stamps, strict=True))
            if self._stamps.get(number) != stamp
        ]
        if not fresh:
            return False
        part = table.take([row for row, _, _ in fresh]).to_pylist()
        for (_, number, stamp), found in zip(fresh, part, strict=True):
            self._stamps[number] = stamp
            value = found[VALUE_COLUMNS[found["kind"]]]
            self._latest[number] = Latest(found["ts"], found["arrival"], value, found["status"])
        return True

    def _judge(self, path: str, shown: Sequence[SignalInfo]) -> Line:
        measured = [signal for signal in shown if signal.role not in DERIVED_ROLES]
        now = source_now(measured, self._latest)
        states = judge(measured, self._latest, self._sources, now)
        for state in [*states, *_derived(shown, self._latest)]:
            number = state.signal.id
            if self._states.get(number) != state:
                self._states[number] = state
                self._changed[number] = self._number
        return Line(
            lines=(path,),
            path=path,
            states=tuple(self._states[signal.id] for signal in measured),
            derived=(),
            latest=self._latest,
            sources=self._sources,
            now=now,
            arrival=last_arrival(measured, self._latest),
        )


def _derived(shown: Iterable[SignalInfo], latest: Mapping[int, Latest]) -> list[SignalState]:
    """What platform and apps compute is there or not; nobody answers for its pace."""
    found = [(signal, latest.get(signal.id)) for signal in shown if signal.role in DERIVED_ROLES]
    return [SignalState(s, one, Condition.MISSING if one is None else Condition.GOOD) for s, one in found]
