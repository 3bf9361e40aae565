"""What a connector needs of the platform, without saying how it gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, Field

from tundish_connectors.connector import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.samples import SampleBatch, SignalSpec


class Delivery(Protocol):
    """The platform as a connector sees it."""

    def put_signals(self, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals; returns the tenant's number of each path.

        Raises:
            ConnectorError: classified as retry or fatal.
        """
        ...

    def ingest(self, batches: Sequence[SampleBatch]) -> int:
        """Deliver batches; returns the rows that the platform has made durable.

        Raises:
            ConnectorError: classified as retry or fatal.
        """
        ...


class SignalTrouble(BaseModel):
    """A signal that cannot be had, and why."""

    model_config = ConfigDict(frozen=True)

    path: str
    reason: str


class Subscribed(BaseModel):
    """How the subscribed signals stand."""

    model_config = ConfigDict(frozen=True)

    subscribed: int = 0
    failed: list[SignalTrouble] = Field(default_factory=list)
    silent: list[str] = Field(default_factory=list)


class Heartbeat(BaseModel):
    """What a connector tells the platform every few seconds.

    Attributes:
        counts: rows ``received``, ``queued`` (in the spool), ``dropped`` and ``sent`` since the start.
        spool_hours_left: hours of outage the spool still takes at the present rate; None without a rate.
    """

    model_config = ConfigDict(frozen=True)

    state: RunState = RunState.CONNECTING
    message_zh: str = ""
    message_en: str = ""
    counts: dict[str, int] = Field(default_factory=dict)
    spool_hours_left: float | None = None
    signals: Subscribed = Subscribed()
