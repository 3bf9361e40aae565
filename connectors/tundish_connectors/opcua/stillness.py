"""Finds variables that never change while one looks: dead sensors, stopped programs, placeholders."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from tundish_connectors.opcua.batching import Batching
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.session import RawSession
    from tundish_connectors.opcua.survey import Desired

# Measurements are expected to move; a state or a set point may rightly stay for days.
_MOVING = {SignalRole.MEASUREMENT, SignalRole.COUNTER}
_COUNTABLE = {SampleKind.NUMERIC, SampleKind.INTEGER}


@dataclass(frozen=True, slots=True)
class Stillness:
    """What was seen in the time of looking.

    Attributes:
        watched: measurements that were looked at.
        still: paths of those that neither value nor source time of which changed.
        overdue: paths of those among them that should have come in that time, as the line kit says.
    """

    watched: int
    still: list[str]
    overdue: list[str]


async def watch_still(
    session: RawSession, desired: Sequence[Desired], seconds: float, read_limit: int | None = None
) -> Stillness:
    """Read all measurements twice, so many seconds apart.

    Raises:
        asyncua.ua.UaError: the server refuses to be read.
        OSError: the connection is gone.
    """
    watched = [
        one for one in desired if one.spec.kind in _COUNTABLE and one.spec.role in _MOVING and not one.pick
    ]
    batching = Batching(read_limit or 500)
    before = await _read(session, batching, watched)
    await asyncio.sleep(seconds)
    after = await _read(session, batching, watched)
    still = [one for one, a, b in zip(watched, before, after, strict=True) if a == b]
    return Stillness(
        len(watched),
        [one.spec.path for one in still],
        [one.spec.path for one in still if one.spec.period_s and one.spec.period_s < seconds],
    )


async def _read(session: RawSession, batching: Batching, desired: Sequence[Desired]) -> list[object]:
    async def call(part: Sequence[Desired]) -> list[ua.DataValue]:
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=one.node_id, AttributeId=AttributeIds.Value) for one in part
        ]
        return await session.read(parameters)

    return [
        (data.Value.Value if data.Value else None, data.SourceTimestamp)
        for data in await batching.run(desired, call)
    ]
