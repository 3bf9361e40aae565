"""`HttpPushConnector`: listens, checks, and keeps what devices send before it answers."""

from __future__ import annotations

import asyncio
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tundish_connectors.collect.recorder import now_us
from tundish_connectors.connector import ConnectorError, ErrorKind, Report, RunState
from tundish_connectors.http_push.config import PushedSignal
from tundish_connectors.http_push.receiver import Receiver, Refusal
from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from tundish_connectors.collect.recorder import Recorder
    from tundish_connectors.http_push.body import PushedRow
    from tundish_connectors.http_push.config import Device, HttpPushConnection
    from tundish_platform.samples import SignalSpec

_WATCH_S = 1.0
_IDLE_S = 30
_NOT_LISTED = "not listed for its device / 未在设备信号表中"


class HttpPushConnector:
    """Collects what devices push into a recorder.

    Attributes:
        address: ``host:port`` while it listens; None otherwise.
    """

    def __init__(self, connection: HttpPushConnection, recorder: Recorder) -> None:
        self._connection = connection
        self._recorder = recorder
        self._lock = threading.Lock()
        self._counts = {"requests": 0, "refused": 0}
        self.address: str | None = None

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    def details(self) -> dict[str, Any]:
        """Where it listens and how many requests came."""
        return {"listens": self.address, **self._counts}

    async def run(self, report: Report) -> None:
        """Listen until the task is cancelled.

        Raises:
            ConnectorError: the port is taken (retry), or the platform refuses the signals.
        """
        from waitress import create_server  # noqa: PLC0415 - only where something listens

        connection = self._connection
        await asyncio.to_thread(self._recorder.declare, self._specs())
        try:
            server = create_server(
                Receiver(connection, self.keep, now_us),
                host=connection.host,
                port=connection.port,
                threads=connection.threads,
                max_request_body_size=connection.most_bytes,
                channel_timeout=_IDLE_S,
                ident="tundish",
                clear_untrusted_proxy_headers=True,
            )
        except OSError as error:
            raise _cannot_listen(connection, error) from error
        self.address = f"{server.effective_host}:{server.effective_port}"
        serving = threading.Thread(target=server.run, name="http-push", daemon=True)
        serving.start()
        try:
            report(RunState.RUNNING)
            while True:
                await asyncio.sleep(_WATCH_S)
                with self._lock:
                    self._recorder.lost(GapReason.SILENT, self._recorder.silent())
        finally:
            self.address = None
            server.close()
            # Closing wakes nobody; the server's loop looks about once a second.
            await asyncio.to_thread(serving.join, 5.0)
            with self._lock:
                self._recorder.lost(GapReason.DISCONNECTED)

    def _specs(self) -> list[SignalSpec]:
        return [
            self._spec(device, signal) for device in self._connection.devices for signal in device.signals
        ]

    def _spec(self, device: Device, signal: PushedSignal) -> SignalSpec:
        below = signal.model_copy(update={"path": f"{device.path}/{signal.path}"})
        return below.spec(self._connection, signal.kind, signal.period_s)

    def keep(self, device: Device, rows: list[PushedRow]) -> Refusal | None:
        """Make a request's rows durable, all or none; the refusal to answer with if that cannot be."""
        with self._lock:
            self._counts["requests"] += 1
            refusal = self._unknown(device, rows)
            if refusal is None:
                for row in sorted(rows, key=lambda row: row.ts_us):
                    self._recorder.take(self._path(device, row), row.ts_us, row.value, row.status)
                refusal = None if self._recorder.flush() else _full()
            self._counts["refused"] += refusal is not None
            return refusal

    def _path(self, device: Device, row: PushedRow) -> str:
        return self._connection.path(device.path, row.path)

    def _unknown(self, device: Device, rows: list[PushedRow]) -> Refusal | None:
        unknown = {row.path: row for row in rows if self._path(device, row) not in self._recorder.specs}
        if not unknown:
            return None
        named = ", ".join(sorted(unknown)[:5])
        if not device.open or len(self._recorder.specs) + len(unknown) > self._connection.most_signals:
            self._recorder.failed.update({self._path(device, row): _NOT_LISTED for row in unknown.values()})
            return Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"These signals are not listed for the device: {named}. Nothing of the request was kept.",
                f"以下信号未在该设备的信号表中:{named}。本次请求未保存任何数据。",
            )
        try:
            signals = [PushedSignal(path=row.path, kind=row.kind) for row in unknown.values()]
            self._recorder.declare([self._spec(device, signal) for signal in signals])
        except ValueError as error:
            return Refusal(HTTPStatus.BAD_REQUEST, f"A path cannot be used: {error}", f"路径不可用:{error}")
        except ConnectorError as error:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, error.message_en, error.message_zh)
        return None


def _full() -> Refusal:
    return Refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The gateway's spool is full or its disk fails; nothing was kept. Keep the values and send them "
        "again.",
        "网关本地缓存已满或磁盘故障,本次数据未保存。请保留数据,稍后重发。",
    )


def _cannot_listen(connection: HttpPushConnection, error: OSError) -> ConnectorError:
    place = f"{connection.host}:{connection.port}"
    return ConnectorError(
        ErrorKind.RETRY,
        f"The receiver cannot listen on {place} ({error.strerror}). Choose another port, or stop what holds "
        "it.",
        f"接收端无法监听 {place}({error.strerror})。请更换端口,或停止占用该端口的程序。",
    )
