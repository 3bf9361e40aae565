"""Reads a variable's history from the server, page by page, as the same columns that live values come in.

Raw values only (OPC 10000-11, 6.5.3). Answers are decoded from their bytes: runs of one layout with numpy,
the rest one by one. Continuation points are followed, and given back when the caller stops early.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary
from asyncua.ua.uaerrors import UaError

from tundish_connectors.opcua.decode import Column, DecodeError
from tundish_connectors.opcua.history_values import values_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.session import RawSession

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_HISTORY_READ_BIT = 1 << ua.AccessLevel.HistoryRead
_EMPTY = {StatusCodes.GoodNoData, StatusCodes.BadNoData, StatusCodes.BadBoundNotFound}
_HISTORY_DATA, _HISTORY_MODIFIED = 658, 11227
_GREATEST_PAGE = 1_000_000


@dataclass(slots=True)
class _Page:
    columns: list[Column]
    continuation: bytes | None

    def __len__(self) -> int:
        return sum(len(column.handles) for column in self.columns)

    def times(self) -> Any:  # noqa: ANN401 - numpy array of ticks
        return np.concatenate([_ticks(column) for column in self.columns])


async def read_raw(
    session: RawSession,
    node: ua.NodeId,
    start: datetime,
    end: datetime,
    *,
    slot: int = 0,
    page_values: int = 0,
) -> AsyncIterator[list[Column]]:
    """The raw values of a node in ``[start, end)`` by source time, oldest first.

    Close the iterator (`contextlib.aclosing`) when leaving it early: the server keeps a continuation point
    for each read that was not finished.

    Args:
        session: activated.
        node: the variable.
        start: first moment, with time zone.
        end: first moment that is not asked for.
        slot: put into the columns' handles, so that `BatchBuilder.add` takes them like live values.
        page_values: most values the server shall send at once; 0 leaves that to the server, which is safest:
            python-opcua's server leaves a value out at each page that a client cuts.

    Yields:
        Columns of one page, never empty; statuses and times as the server keeps them.

    Raises:
        asyncua.ua.UaError: the server keeps no history of the node or refuses it; see `has_history`.
        DecodeError: the answer is malformed, or the server sends the same page again and again.
        OSError: the connection is gone.
    """
    reader = _Reader(session, node, slot, (start, end), page_values)
    try:
        while not reader.done:
            columns = await reader.next_page()
            if columns:
                yield columns
    finally:
        await reader.release()


async def has_history(session: RawSession, batching: Batching, nodes: Sequence[ua.NodeId]) -> list[bool]:
    """Whether the session's user may read each node's history, as its access level says.

    Raises:
        asyncua.ua.UaError: the server refuses to be read.
        OSError: the connection is gone.
    """

    async def call(part: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.UserAccessLevel) for node in part
        ]
        return await session.read(parameters)

    levels = [data.Value.Value if data.Value else None for data in await batching.run(nodes, call)]
    return [isinstance(level, int) and bool(level & _HISTORY_READ_BIT) for level in levels]


class _Reader:
    def __init__(
        self,
        session: RawSession,
        node: ua.NodeId,
        slot: int,
        window: tuple[datetime, datetime],
        page_values: int,
    ) -> None:
        self._session = session
        self._node = node
        self._slot = slot
        self._start, self._end = window
        self._end_ticks = ua.datetime_to_win_epoch(self._end)
        self._page_values = page_values
        self._continuation: bytes | None = None
        self._newest = -1
        self._at_newest = 0
        self.done = self._start >= self._end

    async def next_page(self) -> list[Column]:
        """The next values that were not handed over before."""
        resumed = self._continuation is None and self._newest >= 0
        page = await self._ask(self._continuation)
        self._continuation = page.continuation
        got = len(page)
        self.done = not page.continuation and (not self._page_values or got < self._page_values)
        if not got:
            return []
        times = page.times()
        fresh = times < self._end_ticks
        if resumed:
            # Asked again from the newest time on: as many values of that time were handed over already.
            same = times == self._newest
            fresh &= (times >= self._newest) & ~(same & (np.cumsum(same) <= self._at_newest))
        self._go_on(times, fresh)
        return _keep(page.columns, fresh)

    def _go_on(self, times: Any, fresh: Any) -> None:  # noqa: ANN401 - numpy arrays
        newest = int(times.max())
        self.done |= newest >= self._end_ticks
        if fresh.any():
            same = int((times[fresh] == newest).sum())
            self._at_newest = same + (self._at_newest if newest == self._newest else 0)
            self._newest = newest
        elif self._continuation:
            raise DecodeError(f"the server repeats the same page of {self._node.to_string()}'s history")
        if self.done or self._continuation:
            return
        # Some servers (asyncua, python-opcua) cut off at the number asked for, without a continuation point.
        if not fresh.any():
            self._page_values *= 2
        if self._page_values > _GREATEST_PAGE:
            raise DecodeError(f"too many values of one time in {self._node.to_string()}'s history")
        self._start = ua.win_epoch_to_datetime(self._newest)

    async def _ask(self, continuation: bytes | None, *, release: bool = False) -> _Page:
        value = ua.HistoryReadValueId()
        value.NodeId = self._node
        value.ContinuationPoint = continuation
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified = False
        details.ReturnBounds = False
        details.StartTime = cast("ua.UtcTime", self._start)
        details.EndTime = cast("ua.UtcTime", self._end)
        details.NumValuesPerNode = ua.Counter(self._page_values)
        request = ua.HistoryReadRequest()
        request.Parameters.HistoryReadDetails = details
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.ReleaseContinuationPoints = release
        request.Parameters.NodesToRead = [value]
        return _decode(await self._session.answer(request), self._slot)

    async def release(self) -> None:
        """Give an unfinished read's continuation point back."""
        if self._continuation:
            try:
                await self._ask(self._continuation, release=True)
            except (UaError, OSError, TimeoutError, DecodeError):
                # The server forgets it with the session; nothing is lost by that.
                self._continuation = None


def _keep(columns: list[Column], fresh: Any) -> list[Column]:  # noqa: ANN401 - a numpy mask over all columns
    kept: list[Column] = []
    at = 0
    for column in columns:
        mask = fresh[at : at + len(column.handles)]
        at += len(column.handles)
        if mask.all():
            kept.append(column)
        elif mask.any():
            kept.append(_take(column, np.flatnonzero(mask)))
    return kept


def _take(column: Column, rows: Any) -> Column:  # noqa: ANN401 - numpy array of row numbers
    values = column.values
    return Column(
        handles=column.handles[rows],
        status=column.status[rows],
        source=column.source[rows],
        server=column.server[rows],
        values=[values[row] for row in rows.tolist()] if isinstance(values, list) else values[rows],
        variant=column.variant,
    )


def _ticks(column: Column) -> Any:  # noqa: ANN401 - numpy array
    return np.where(column.source > 0, column.source, column.server)


def _decode(body: bytes, slot: int) -> _Page:
    try:
        buffer = Buffer(body)
        nodeid_from_binary(buffer)
        struct_from_binary(ua.ResponseHeader, buffer).ServiceResult.check()
        return _result(body, buffer.cur_pos, slot)
    except (struct.error, IndexError) as error:
        raise DecodeError(f"a history answer is torn: {error}") from error


def _result(body: bytes, position: int, slot: int) -> _Page:
    count, status = struct.unpack_from("<iI", body, position)
    if count != 1:
        raise DecodeError(f"a history answer with {count} results for one node")
    if status not in _EMPTY:
        ua.StatusCode(ua.UInt32(status)).check()
    (length,) = _I32.unpack_from(body, position + 8)
    position += 12
    continuation = body[position : position + length] if length > 0 else None
    buffer = Buffer(body, position + max(0, length))
    identifier = nodeid_from_binary(buffer).Identifier
    if identifier not in {_HISTORY_DATA, _HISTORY_MODIFIED} or body[buffer.cur_pos] != 1:
        return _Page([], continuation)
    (size,) = _I32.unpack_from(body, buffer.cur_pos + 1)
    start = buffer.cur_pos + 5
    return _Page(values_of(body[start : start + size], slot), continuation)
