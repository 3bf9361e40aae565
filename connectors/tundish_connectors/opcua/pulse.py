"""The server's heartbeat: its own clock, read over the session, and how long it takes to answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.session import RawSession

_NODES = (ObjectIds.Server_ServerStatus_CurrentTime, ObjectIds.Server_ServerStatus_StartTime)
_LEAST_TIMEOUT_S = 0.4
_SHARE = 0.3
_SLOW = 3.0
_FORGET = 0.9
# Servers write their clock down about once a second, some only every few.
_STEP_S = 4.0


@dataclass(frozen=True, slots=True)
class Beat:
    """One look at the server's clock.

    Attributes:
        now: its present time; None where it does not tell.
        started: when it was started; None where it does not tell.
        step_s: how far its clock has stepped since the last look; 0 where it runs with ours.
    """

    now: datetime | None
    started: datetime | None
    step_s: float


class Pulse:
    """Looks at the server's clock, with a patience that grows with how slow the server has shown to be.

    Args:
        keep_alive_s: in which the server should tell of itself.
        reads: how many nodes it reads in a call; some small controllers take a single one.
        clock: seconds, never going back.
    """

    def __init__(
        self, keep_alive_s: float, reads: Batching, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least_s = max(_LEAST_TIMEOUT_S, _SHARE * keep_alive_s)
        self._clock = clock
        self._slowest_s = 0.0
        self._last: tuple[float, datetime] | None = None
        self._reads = reads

    @property
    def timeout_s(self) -> float:
        """How long an answer may take: some of a keep-alive period, more for a server known to be slow."""
        return max(self._least_s, _SLOW * self._slowest_s)

    async def beat(self, session: RawSession, patience_s: float | None = None) -> Beat:
        """Read the clock.

        Args:
            session: the one to read with.
            patience_s: how long to wait at most; `timeout_s` by default. A look at a new line needs more, so
                that a slow server is known as slow instead of being taken for dead again and again.

        Raises:
            TimeoutError: no answer in time.
            asyncua.ua.UaError, OSError: the session or the line is gone.
        """

        async def read(nodes: Sequence[int]) -> Sequence[ua.DataValue]:
            parameters = ua.ReadParameters()
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
            parameters.NodesToRead = [
                ua.ReadValueId(NodeId=ua.NodeId(ua.Int32(node)), AttributeId=AttributeIds.Value)
                for node in nodes
            ]
            return await session.read(parameters)

        asked = self._clock()
        answers = await asyncio.wait_for(self._reads.run(_NODES, read), patience_s or self.timeout_s)
        self._slowest_s = max(self._clock() - asked, _FORGET * self._slowest_s)
        now, started = (answer.Value.Value if answer.Value else None for answer in answers)
        return Beat(now, started, self._step(now))

    def _step(self, now: datetime | None) -> float:
        if now is None:
            return 0.0
        here, last = self._clock(), self._last
        self._last = (here, now)
        if last is None:
            return 0.0
        step = (now - last[1]).total_seconds() - (here - last[0])
        return step if abs(step) > _STEP_S else 0.0
