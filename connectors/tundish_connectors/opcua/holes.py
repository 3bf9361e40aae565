"""Holes filled from the server's history (OPC 10000-11): late rows, told from live ones by their arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import structlog
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from tundish_connectors.opcua.decode import MIXED, Column
from tundish_connectors.opcua.publish import Notification
from tundish_connectors.opcua.times import TICKS_1970, micros_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tundish_connectors.opcua.gaps import Hole
    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.opcua.items import Granted
    from tundish_connectors.opcua.session import RawSession

_log = structlog.get_logger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 10_000
_MOST_PAGES = 1000
_NO_HISTORY = {
    StatusCodes.BadHistoryOperationUnsupported,
    StatusCodes.BadHistoryOperationInvalid,
    StatusCodes.BadServiceUnsupported,
    StatusCodes.BadNotSupported,
    StatusCodes.BadNotReadable,
    StatusCodes.BadNotImplemented,
    StatusCodes.BadUserAccessDenied,
    StatusCodes.BadInternalError,
    StatusCodes.BadNodeIdUnknown,
}


class HoleFiller:
    """Fills what was recorded as missing, and then records what is left of it.

    A hole counts as filled only if history knows the very samples at both of its ends: what lies between them
    is then all the server has. A server that lost its own history shows by lacking the first one.

    Attributes:
        filled: holes filled whole.
    """

    def __init__(self, intake: Intake) -> None:
        self.filled = 0
        self._intake = intake
        self._without: set[ua.NodeId] = set()

    async def fill(self, session: RawSession, granted: Mapping[int, Granted]) -> None:
        """Fill the holes closed since the last call.

        Raises:
            OSError, TimeoutError: the line is gone; the holes stay recorded as gaps.
        """
        for hole in self._intake.tracker.take_holes():
            item = granted.get(hole.slot)
            if item is None or item.node in self._without:
                continue
            try:
                values = await self._read(session, item.node, hole)
            except UaStatusCodeError as error:
                if error.code in _NO_HISTORY:
                    self._without.add(item.node)
                continue
            if values:
                self._put(hole, values)

    async def _read(self, session: RawSession, node: ua.NodeId, hole: Hole) -> list[ua.DataValue]:
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified = False
        details.StartTime = _moment(hole.start - 1)
        details.EndTime = _moment(hole.end + 1)
        details.NumValuesPerNode = ua.Counter(_PAGE)
        details.ReturnBounds = False
        values: list[ua.DataValue] = []
        position: bytes | None = None
        for _ in range(_MOST_PAGES):
            page, position = await _page(session, node, details, position)
            values += page
            if not position:
                break
        return values

    def _put(self, hole: Hole, values: Sequence[ua.DataValue]) -> None:
        known = [(_micros(one), one) for one in values if one.SourceTimestamp is not None]
        within = [(at, one) for at, one in known if hole.start - 1 <= at <= hole.end]
        if not within:
            return
        times = [at for at, _ in within]
        first, last = min(times), max(times)
        self._intake.take(Notification(0, 0, [_column(hole.slot, [one for _, one in within])]))
        tracker = self._intake.tracker
        start_known, end_known = first < hole.start, last >= hole.end
        tracker.amend(hole, hole.start, hole.start if start_known else first)
        if not end_known:
            tracker.amend(hole, last + 1, hole.end)
        self._intake.flush()
        if start_known and end_known:
            self.filled += 1


async def _page(
    session: RawSession, node: ua.NodeId, details: ua.ReadRawModifiedDetails, position: bytes | None
) -> tuple[list[ua.DataValue], bytes | None]:
    parameters = ua.HistoryReadParameters()
    parameters.HistoryReadDetails = details
    parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    parameters.ReleaseContinuationPoints = False
    parameters.NodesToRead = [ua.HistoryReadValueId(NodeId=node, ContinuationPoint=position)]
    (result,) = await session.history_read(parameters)
    result.StatusCode.check()
    data = result.HistoryData
    return list(data.DataValues) if isinstance(data, ua.HistoryData) else [], result.ContinuationPoint


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _micros(value: ua.DataValue) -> int:
    return micros_of(value.SourceTimestamp) if value.SourceTimestamp is not None else 0


def _column(slot: int, values: Sequence[ua.DataValue]) -> Column:
    count = len(values)
    return Column(
        np.full(count, slot, np.uint32),
        np.array([one.StatusCode.value if one.StatusCode else 0 for one in values], np.uint32),
        np.array([10 * _micros(one) + TICKS_1970 for one in values], np.int64),
        np.zeros(count, np.int64),
        [one.Value.Value if one.Value else None for one in values],
        MIXED,
    )
