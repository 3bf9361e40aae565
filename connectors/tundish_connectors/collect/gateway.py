"""One connector process: connector, spool, forwarder and heartbeat together, whatever the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog

from tundish_connectors.collect.recorder import Recorder
from tundish_connectors.connector import Backoff, ConnectorError, ErrorKind, Report, RunState, supervise
from tundish_connectors.delivery import Counters, DeliveryConfig, Forwarder, Heartbeat, HttpDelivery
from tundish_connectors.spool import Spool
from tundish_connectors.spool.files import Files
from tundish_platform.samples import CodecError, decode_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from tundish_connectors.collect.config import Connection
    from tundish_connectors.delivery.protocol import Subscribed

_log = structlog.get_logger(__name__)
_DRAIN_S = 5.0
# A source that comes back is lost time until the next try, so the waits stay short.
_LONGEST_WAIT_S = 5.0
FATAL_EXIT = 2
DIAGNOSTICS = "diagnostics.json"


class Collecting(Protocol):
    """A connector that a gateway runs: `Connector`, and what it says of itself for diagnostics."""

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        ...

    async def run(self, report: Report) -> None:
        """Collect until the source ends, the task is cancelled or an error is raised."""
        ...

    def details(self) -> dict[str, Any]:
        """Facts of the protocol for a person who looks for a fault; no secrets, no values."""
        ...


class Keeping(Protocol):
    """What stands between a connector and the spool, such as `Recorder`.

    Attributes:
        full: the spool refused what came last.
    """

    full: bool

    def close(self) -> None:
        """Keep what was held back, and write down how far each signal came."""
        ...


class Ground(NamedTuple):
    """What a gateway gives the connector that it runs."""

    spool: Spool
    delivery: HttpDelivery
    counters: Counters


class Assembled(NamedTuple):
    """A connector with what it stands on.

    Attributes:
        subscribed: how its signals stand.
        beside: what else runs as long as the gateway does.
    """

    connector: Collecting
    keeping: Keeping
    subscribed: Callable[[], Subscribed]
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True)
class GatewaySettings:
    """Where a connection's data goes, and how often the gateway shows itself.

    Attributes:
        delivery: address and token.
        heartbeat_s: seconds between two heartbeats.
    """

    delivery: DeliveryConfig
    heartbeat_s: float = 5.0


def recorded(
    connection: Connection, build: Callable[[Recorder], Collecting]
) -> Callable[[Ground], Assembled]:
    """How a connector is assembled that hands single values to a `Recorder`."""

    def assemble(ground: Ground) -> Assembled:
        recorder = Recorder(connection, *ground)
        return Assembled(build(recorder), recorder, recorder.subscribed)

    return assemble


def run_gateway(
    connection: Connection, settings: GatewaySettings, assemble: Callable[[Ground], Assembled]
) -> int:
    """Run one connector in this process until SIGTERM or SIGINT.

    Collected data stays in the state folder until the platform has it, also over restarts and kills.

    Args:
        connection: what to collect.
        settings: where it goes.
        assemble: makes the connector without touching the network.

    Returns:
        0 after a signal or when the source has no more to give, 2 after an error that a person has to mend
        (logged, and told in the heartbeat).

    Raises:
        ConnectorError: another process uses the state folder.
    """
    connection.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(connection.state_dir):
        return asyncio.run(Gateway(connection, settings, assemble).run())


@contextlib.contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Refuse to share a state folder with another process: two writers would garble the spool."""
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConnectorError(
                ErrorKind.FATAL,
                f"Another process uses the state folder {state_dir}. Stop it first, or give this connection "
                "a folder of its own.",
                f"状态目录 {state_dir} 正被另一个进程使用。请先停止该进程,或为此连接指定独立目录。",
            ) from None
        yield


class Gateway:
    """The parts of one connector process."""

    def __init__(
        self, connection: Connection, settings: GatewaySettings, assemble: Callable[[Ground], Assembled]
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._counters = Counters()
        self._delivery = HttpDelivery(settings.delivery)
        self._spool = Spool(
            connection.state_dir / "spool",
            max_bytes=connection.spool_bytes,
            max_hours=connection.spool_hours,
            compress=connection.compress,
        )
        self._counters.left_over = left_over_rows(self._spool)
        self._parts = assemble(Ground(self._spool, self._delivery, self._counters))
        self._connector = self._parts.connector
        self._forwarder = Forwarder(
            self._spool,
            self._delivery,
            self._counters,
            request_bytes=settings.delivery.request_bytes,
            rejected=connection.state_dir / "rejected",
        )
        self._state = RunState.CONNECTING
        self._error: ConnectorError | None = None
        self._ended = threading.Event()

    async def run(self, *, signals: bool = True) -> int:
        """Run until a signal or cancellation; returns the process's exit code.

        Args:
            signals: end at SIGTERM and SIGINT, which only a process's main thread may.
        """
        heart = threading.Thread(target=self._beat_until_ended, name="heartbeat", daemon=True)
        self._forwarder.start()
        heart.start()
        task = asyncio.create_task(supervise(self._connector, self._report, Backoff(limit_s=_LONGEST_WAIT_S)))
        beside = asyncio.create_task(self._parts.beside()) if self._parts.beside else None
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            self._report(RunState.DOWN)
        except ConnectorError as error:
            _log.error("the connector has stopped", reason=error.message_en, reason_zh=error.message_zh)
            return FATAL_EXIT
        finally:
            # Keeping what was held back comes first: it must be on disk whatever follows.
            self._parts.keeping.close()
            if beside is not None:
                beside.cancel()
                await asyncio.gather(beside, return_exceptions=True)
            await asyncio.to_thread(self._close, heart)
        return 0

    def _close(self, heart: threading.Thread) -> None:
        self._forwarder.stop(_DRAIN_S)
        self._ended.set()
        heart.join()
        self._beat()
        self._spool.close()
        self._delivery.close()

    def _report(self, state: RunState, error: ConnectorError | None = None) -> None:
        if state is not self._state:
            _log.info("connector", name=self._connector.name, state=state.value)
        self._state = state
        if error is not None or state is RunState.RUNNING:
            self._error = error

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(self._settings.heartbeat_s):
            self._beat()

    def _beat(self) -> None:
        try:
            Files().replace_text(self._connection.state_dir / DIAGNOSTICS, json.dumps(self.diagnostics()))
        except OSError as error:
            _log.warning("diagnostics could not be written", reason=str(error))
        try:
            self._delivery.heartbeat(self._connector.name, self.heartbeat())
        except ConnectorError as error:
            _log.info("the heartbeat was not taken", reason=error.message_en)

    def heartbeat(self) -> Heartbeat:
        """How things stand, for the platform."""
        full = _full() if self._parts.keeping.full else None
        trouble = self._error or full or self._forwarder.trouble or damage(self._spool)
        return Heartbeat(
            state=self._state,
            message_zh=trouble.message_zh if trouble else "",
            message_en=trouble.message_en if trouble else "",
            counts=self._counters.as_dict(),
            spool_hours_left=self._spool.hours_left(),
            signals=self._parts.subscribed(),
        )

    def diagnostics(self) -> dict[str, Any]:
        """All a helper needs to see, without secrets and without values."""
        return {
            # Secrets are pydantic's SecretStr throughout, which shows itself as asterisks.
            "connection": self._connection.model_dump(mode="json"),
            "heartbeat": self.heartbeat().model_dump(mode="json"),
            "spool": {
                "used_bytes": self._spool.used_bytes,
                "undelivered_bytes": self._spool.undelivered_bytes(),
                "oldest_hours": self._spool.oldest_hours(),
                "last": self._spool.last,
                "delivered": self._spool.delivered,
                "quarantined": len(self._spool.quarantined),
            },
            "connector": self._connector.details(),
        }


def left_over_rows(spool: Spool) -> int:
    """Rows that an earlier process left undelivered."""
    rows = 0
    after = spool.delivered
    position = spool.position
    while records := spool.read(16 * 1024**2, after=after):
        for record in records:
            with contextlib.suppress(CodecError):
                if not position.covers(record.number, record.number):
                    rows += len(decode_batch(record.payload))
        after = records[-1].number
    return rows


def _full() -> ConnectorError:
    return ConnectorError(
        ErrorKind.PARTIAL,
        "The spool on this gateway is full or its disk fails: new values are not kept, and a gap will be "
        "recorded for them. What was kept before is safe. Mend the way to the platform, or make room.",
        "网关本地缓存已满或磁盘故障:新数据无法保存,缺口将被记录;此前保存的数据是安全的。"
        "请恢复与平台的连接,或清理磁盘空间。",
    )


def damage(spool: Spool) -> ConnectorError | None:
    """What to tell of bytes of the spool that were set aside; None where all is sound."""
    if not spool.quarantined:
        return None
    names = ", ".join(sorted({one.segment for one in spool.quarantined}))
    return ConnectorError(
        ErrorKind.PARTIAL,
        f"Damaged bytes were found in the spool ({names}) and set aside in its quarantine folder; the "
        "samples in them are lost. Check this gateway's disk.",
        f"本地缓存中发现损坏数据({names}),已移入隔离目录,其中的采样已丢失。请检查网关磁盘。",
    )
