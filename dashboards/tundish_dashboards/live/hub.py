"""The thread that looks for news, once for all, and tells all open pages."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from tundish_dashboards.live.feed import Feed
from tundish_dashboards.live.viewer import Viewer
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.live.limits import LiveLimits
    from tundish_dashboards.live.viewer import Wish

log = structlog.get_logger(__name__)

ENDED: Final = b"event: ended\ndata: {}\n\n"
FULL: Final = b"event: full\ndata: {}\n\n"
ALIVE: Final = b"event: alive\ndata: {}\n\n"

_Key = tuple[int, frozenset[str] | None]


class Hub:
    """All pages of a process that are being told news.

    One thread serves them: it reads each tenant once a look, whatever the number of its pages, and never
    waits for a reader. It starts with the first page.

    Args:
        limits: what they may take.
    """

    _selector: selectors.BaseSelector
    _bell: socket.socket
    _ear: socket.socket

    def __init__(self, limits: LiveLimits) -> None:
        self.limits = limits
        self.ended: Counter[str] = Counter()
        """Pages that are gone, by the reason: left, ended, slow, full, stopped, failed."""
        self._lock = threading.Lock()
        self._coming: list[Viewer] = []
        self._viewers: set[Viewer] = set()
        self._feeds: dict[_Key, Feed] = {}
        self._thread: threading.Thread | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._viewers) + len(self._coming)

    def room(self, tenant: int, person: tuple[int, str]) -> bool:
        """Whether there is a place left for one more page of the person in the tenant."""
        with self._lock:
            return self._room(tenant, person)

    def _room(self, tenant: int, person: tuple[int, str]) -> bool:
        present = [*self._viewers, *self._coming]
        mine = sum(viewer.tenant == tenant for viewer in present)
        persons = sum(viewer.person == person for viewer in present)
        limits = self.limits
        return len(present) < limits.most and mine < limits.of_tenant and persons < limits.of_person

    def take(
        self, connection: socket.socket, unsent: bytes, *, chunked: bool, wish: Wish, view: TenantView
    ) -> None:
        """Go on with a page's connection; who finds no place is told so and hung up on."""
        now = time.monotonic()
        try:
            viewer = Viewer(connection, unsent, chunked=chunked, wish=wish, view=view, now=now)
        except OSError:
            # It left while it was handed over.
            self.ended["left"] += 1
            connection.close()
            return
        with self._lock:
            stopped = self._stopped
            taken = not stopped and self._room(viewer.tenant, viewer.person)
            if taken:
                self._coming.append(viewer)
                self._start()
                self._ring()
        if not taken:
            self.ended["stopped" if stopped else "full"] += 1
            viewer.say(ENDED if stopped else FULL, now)
            viewer.end()

    def close(self) -> None:
        """End all, because the server stops; the pages come back to the next one by themselves."""
        with self._lock:
            self._stopped = True
            if (thread := self._thread) is not None:
                self._ring()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._selector = selectors.DefaultSelector()
            self._bell, self._ear = socket.socketpair()
            for one in (self._bell, self._ear):
                one.setblocking(False)  # noqa: FBT003 - Python's own
            self._selector.register(self._ear, selectors.EVENT_READ)
            self._thread = threading.Thread(target=self._run, name="live", daemon=True)
            self._thread.start()

    def _ring(self) -> None:
        with suppress(BlockingIOError):
            self._bell.send(b"x")

    def _run(self) -> None:
        try:
            self._go_on()
            reason = "stopped"
        except Exception:
            # The pages come back by themselves, and the first one starts another thread.
            log.exception("live_thread_failed")
            reason = "failed"
        with self._lock:
            rest = (*self._viewers, *self._coming)
            self._viewers, self._coming, self._thread = set(), [], None
            for one in (self._selector, self._bell, self._ear):
                one.close()
        for viewer in rest:
            self.ended[reason] += 1
            viewer.end()

    def _go_on(self) -> None:
        following = time.monotonic()
        while not self._stopped:
            wait = max(0.0, following - time.monotonic()) if self._viewers or self._coming else None
            self._serve(self._selector.select(wait))
            self._welcome()
            if time.monotonic() >= following:
                following = time.monotonic() + self.limits.look_s
                self._look()

    def _serve(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        now = time.monotonic()
        for key, events in ready:
            viewer: Viewer | None = key.data
            if viewer is None:
                with suppress(BlockingIOError):
                    self._ear.recv(4096)
            elif (events & selectors.EVENT_READ and not viewer.hears()) or not viewer.flush(now):
                self._drop(viewer, "left")
            else:
                self._listen(viewer)

    def _welcome(self) -> None:
        with self._lock:
            coming, self._coming = self._coming, []
            self._viewers.update(coming)
        now = time.monotonic()
        for viewer in coming:
            self._selector.register(viewer.connection, selectors.EVENT_READ, viewer)
            if viewer.flush(now):
                self._listen(viewer)
            else:
                self._drop(viewer, "left")

    def _listen(self, viewer: Viewer) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if viewer.waiting else 0)
        if self._selector.get_key(viewer.connection).events != events:
            self._selector.modify(viewer.connection, events, viewer)

    def _look(self) -> None:
        now = time.monotonic()
        groups: dict[_Key, list[Viewer]] = defaultdict(list)
        for viewer in tuple(self._viewers):
            if self._still_may(viewer, now):
                groups[_key(viewer.view)].append(viewer)
        self._feeds = {key: self._feeds.get(key) or Feed() for key in groups}
        for key, viewers in groups.items():
            feed = self._feeds[key]
            # Where it fails there are no signs of life, and the pages say themselves that nothing comes.
            if feed.look(viewers, now):
                for viewer in viewers:
                    self._tell(feed, viewer, now)

    def _still_may(self, viewer: Viewer, now: float) -> bool:
        if now - viewer.checked < self.limits.recheck_s:
            return True
        try:
            viewer.view, viewer.checked = viewer.wish.renew(), now
        except AccessDenied:
            viewer.say(ENDED, now)
            self._drop(viewer, "ended")
            return False
        except Exception:
            # It cannot be said that they still may: then they may not.
            log.exception("live_check_failed")
            self._drop(viewer, "failed")
            return False
        return True

    def _tell(self, feed: Feed, viewer: Viewer, now: float) -> None:
        if viewer.waiting:
            # What comes meanwhile is not piled up: once it reads again, it gets the newest of each signal.
            if now - viewer.drained > self.limits.slow_s:
                self._drop(viewer, "slow")
            return
        viewer.drained = now
        event = feed.news(viewer)
        if event is None and now - viewer.spoke >= self.limits.alive_s:
            event = ALIVE
        if event is None:
            return
        if viewer.say(event, now):
            self._listen(viewer)
        else:
            self._drop(viewer, "left")

    def _drop(self, viewer: Viewer, reason: str) -> None:
        with self._lock:
            self._viewers.discard(viewer)
        self.ended[reason] += 1
        with suppress(KeyError, ValueError):
            self._selector.unregister(viewer.connection)
        viewer.end()
        if reason not in {"left", "stopped"}:
            log.info("live_page_ended", reason=reason, tenant=viewer.view.scope.slug)


def _key(view: TenantView) -> _Key:
    """What tells answers apart: the tenant, and the places that the person may see of it."""
    return view.scope.tenant_id, view.scope.places()
