"""A job while a worker holds it: progress goes out, and whether anybody still wants it comes back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

import structlog

from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from types import TracebackType

    from tundish_platform.sdk.calls.job_answers import Claimed
    from tundish_platform.sdk.client import Client

_LOOK_S: Final = 1.0
_GONE: Final = frozenset({401, 403, 404, 409})

_log = structlog.get_logger(__name__)


class Over(Exception):  # noqa: N818 - a state, no failure
    """The job is not this worker's any more: cancelled, given to another one, or the worker is to stop."""


class Hopeless(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The job cannot be done, and trying again would not mend that.

    Attributes:
        zh, en: why.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class Held:
    """Holds a job with a thread of its own, so that a long piece does not look like a dead worker.

    Args:
        client: the platform.
        job: as it was claimed.
        stop: set when the worker is to end.
        lease_s: what the job was claimed with; a third of it is the longest silence.
    """

    def __init__(self, client: Client, job: Claimed, stop: threading.Event, lease_s: float) -> None:
        self._client, self._job, self._stop, self._lease_s = client, job, stop, lease_s
        self._said = (0.0, "", "")
        self._over, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._report, name=f"job-{job['id']}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def tell(self, share: float, zh: str, en: str) -> None:
        """Say how far the job is.

        Raises:
            Over: it is not this worker's any more.
        """
        self._said = (min(max(share, 0.0), 1.0), zh[:200], en[:200])
        if self._over.is_set() or self._stop.is_set():
            raise Over

    def _report(self) -> None:
        sent, last = (0.0, "", ""), time.monotonic()
        while not self._ended.wait(_LOOK_S):
            said = self._said
            if said == sent and time.monotonic() - last < self._lease_s / 3:
                continue
            try:
                told = self._client.job_progress(self._job, *said, self._lease_s)
            except ApiError as error:
                # Whoever cannot be reached may be back in time; the lease decides.
                if error.status in _GONE:
                    self._over.set()
                _log.warning("job_progress_failed", job=self._job["id"], reason=str(error))
            else:
                sent, last = said, time.monotonic()
                if told["state"] != "running":
                    self._over.set()
