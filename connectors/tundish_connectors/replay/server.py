"""An OPC UA server that plays a recording.

For those who connect to it (asyncua 2.1's server, read and tested):

- A value equal to the last one with a new source time is notified only to items that ask for it with
  ``DataChangeFilter(Trigger=StatusValueTimestamp)``. Without a filter the trigger is StatusValue, and
  constant signals, repeated labels and states look silent. Ask for it on every item.
- Values between two publishings wait in the item's queue. A full queue drops the oldest and sets no overflow
  bit, so ask for enough: speed × publishing interval × 2 at least; `QueueSize=0` is taken as 10,000.
- A new item is first sent the present value, with its original source time: a row can come twice, the same.
- A signal that was never published is BadWaitingForInitialData, null and without source time.
- Bad statuses come with a null value and a source time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tundish_connectors.replay.address_space import VARIANTS, AddressSpace
from tundish_connectors.replay.clock import ReplayClock, fresh_start, utc_now
from tundish_connectors.replay.pki import Identity, make_identity
from tundish_connectors.replay.play import PartPlay, Row
from tundish_connectors.replay.position import Position, PositionFile
from tundish_connectors.replay.registry import recording
from tundish_connectors.replay.security import closed_server
from tundish_connectors.replay.ua_values import data_value, status_code
from tundish_platform.samples import SampleKind, SignalRole
from tundish_platform.samples.kits import kit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncua.server.server import Server

    from tundish_platform.samples.kits import LineKit

_logger = logging.getLogger(__name__)

TICK_S: Final = 0.2
SAVE_EVERY_S: Final = 1.0
# Source seconds published before the event loop gets its turn to send them.
SLICE_S: Final = 5
_SECOND: Final = timedelta(seconds=1)
_FAULTY_ROLES: Final = frozenset({SignalRole.MEASUREMENT, SignalRole.RESULT})

PolicyName = Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
Password = Annotated[SecretStr, Field(min_length=8)]


class ReplayConfig(BaseModel):
    """What a replay server needs; checked when built, without network.

    Attributes:
        kit: id of the line kit whose recording is played.
        line: path of the line, the kit's default if absent.
        host, port: where to listen.
        speed: source seconds per second until the source time meets the wall clock.
        span_hours: source time played before that.
        state_dir: folder of the position.
        pki_dir: folder of the server's key, certificate and trusted clients, see `pki`.
        users: passwords by user name.
        policies: security policies to offer, always SignAndEncrypt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kit: str
    line: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(gt=0, le=65_535)
    speed: float = Field(default=60.0, ge=1, le=1_000)
    span_hours: float = Field(default=12.0, gt=0)
    state_dir: Path
    pki_dir: Path
    users: dict[str, Password] = Field(min_length=1)
    policies: tuple[PolicyName, ...] = Field(default=("Basic256Sha256",), min_length=1)

    @property
    def span(self) -> timedelta:
        """`span_hours` as a duration."""
        return timedelta(hours=self.span_hours)

    @property
    def url(self) -> str:
        """The endpoint a client connects to."""
        return f"opc.tcp://{self.host}:{self.port}/tundish/{self.kit}"


def namespace_uri(kit_id: str) -> str:
    """URI of the namespace that holds a kit's nodes."""
    return f"urn:tundish:line:{kit_id}"


def server_identity(config: ReplayConfig) -> Identity:
    """The server's key and certificate, made if missing, so that clients can trust it beforehand."""
    uri = f"urn:{socket.gethostname()}:tundish:replay:{config.kit}"
    return make_identity(config.pki_dir, uri, f"Tundish replay {config.kit}", (config.host,))


def starting_position(config: ReplayConfig, wall: datetime | None = None) -> Position:
    """Where the play begins or goes on, also saved. Its `v0` is the end of the history to import."""
    now = wall or utc_now()
    parts = recording(config.kit).live()
    file = PositionFile(config.state_dir, config.kit)
    known = file.load()
    if known is None:
        position = Position.first(config.kit, parts, fresh_start(now, config.speed, config.span))
    else:
        position = known.resumed(parts, now, config.speed, config.span)
    file.save(position)
    return position


class ReplayServer:
    """Address space and play of one recording on a server that listens.

    Args:
        server: initialised, not started.
        namespace: index of the kit's namespace.
        config: as given.
        position: where to go on.
    """

    def __init__(self, server: Server, namespace: int, config: ReplayConfig, position: Position) -> None:
        self._config = config
        self._position = position
        self._file = PositionFile(config.state_dir, config.kit)
        self._space = AddressSpace(server, namespace)
        self._nodes = server.iserver.aspace
        line_kit = kit(config.kit)
        base = config.line or line_kit.line
        one = recording(config.kit)
        self._plays = [PartPlay(part, one.silences, _faulty(line_kit)) for part in one.live()]
        self._targets = {
            play.part.name: [
                (self._space.node_id(f"{base}/{channel.path}"), VARIANTS[channel.kind], channel.kind)
                for channel in play.part.channels
            ]
            for play in self._plays
        }
        self._specs = line_kit.specs(config.line)

    @property
    def position(self) -> Position:
        """How far the play is."""
        return self._position

    async def build(self) -> None:
        """Make the nodes; signals show their last published values, or that there is none yet."""
        await self._space.add_tree(self._specs)
        await self._space.add_replay_nodes(self._own_values(running=False))
        waiting = status_code(StatusCodes.BadWaitingForInitialData)
        for spec in self._specs:
            await self._write(self._space.node_id(spec.path), data_value(None, waiting, None, utc_now()))
        for play in self._plays:
            at = self._position.parts[play.part.name]
            await self._publish(play, play.latest(at.done, at.since))

    async def run(self, clock: ReplayClock) -> None:
        """Play until cancelled; every row once and in order, however late a turn comes."""
        loop = asyncio.get_running_loop()
        saved = loop.time()
        try:
            while True:
                await self.play_until(clock.advance())
                await self._show(running=True)
                if loop.time() - saved >= SAVE_EVERY_S:
                    self._file.save(self._position)
                    saved = loop.time()
                await asyncio.sleep(TICK_S)
        finally:
            self._file.save(self._position)

    async def play_until(self, virtual: datetime) -> None:
        """Publish all rows that are due at a virtual time, in slices between which others get their turn."""
        left = (virtual - self._position.done) // _SECOND
        while left > 0:
            step = min(left, SLICE_S)
            for play in self._plays:
                at = self._position.parts[play.part.name]
                await self._publish(play, play.due(at.done, at.done + step, at.since))
            self._position = self._position.played(step)
            left -= step
            await asyncio.sleep(0)

    async def _publish(self, play: PartPlay, rows: Iterable[Row]) -> None:
        targets = self._targets[play.part.name]
        origin = self._position.done - self._position.parts[play.part.name].done * _SECOND
        now = datetime.now(UTC)
        for row in rows:
            node, variant, kind = targets[row.channel]
            value = (
                ua.Variant(None, ua.VariantType.Null) if row.value is None else _variant(row, variant, kind)
            )
            stamp = origin + row.ts * _SECOND
            data = data_value(value, status_code(row.status), stamp, now)
            await self._write(node, data)

    async def _show(self, *, running: bool) -> None:
        now = datetime.now(UTC)
        for name, value in self._own_values(running=running).items():
            # In source time like everything else here, or the line would seem to be as late as the play.
            data = data_value(value, ua.StatusCode(), self._position.done, now)
            await self._write(self._space.node_id(f"Replay/{name}"), data)

    def _own_values(self, *, running: bool) -> dict[str, ua.Variant]:
        play = self._plays[0]
        done = self._position.parts[play.part.name].done
        passes = play.passes(done)
        return {
            "Speed": ua.Variant(self._config.speed, ua.VariantType.Double),
            "Running": ua.Variant(running, ua.VariantType.Boolean),
            "Pass": ua.Variant(passes, ua.VariantType.Int64),
            "Position": ua.Variant(max(done, 0) - passes * play.part.length_s, ua.VariantType.Int64),
            "SourceTime": ua.Variant(self._position.done, ua.VariantType.DateTime),
        }

    async def _write(self, node: ua.NodeId, data: ua.DataValue) -> None:
        # Server.write_attribute_value would swallow the status that tells of a refused type.
        status = await self._nodes.write_attribute_value(node, AttributeIds.Value, data)
        status.check()


def _variant(row: Row, variant: ua.VariantType, kind: SampleKind) -> ua.Variant:
    return ua.Variant(row.value, variant, is_array=kind is SampleKind.ARRAY)


def _faulty(line_kit: LineKit) -> frozenset[str]:
    return frozenset(spec.path for spec in line_kit.signals if spec.role in _FAULTY_ROLES)


async def serve(config: ReplayConfig, ready: asyncio.Event | None = None) -> None:
    """Run one replay server until cancelled.

    Args:
        config: what to play, where, for whom.
        ready: set once clients can connect.

    Raises:
        UnknownKit: no recording for the kit.
        PositionError: the saved position cannot be used.
        OSError: the port is taken.
    """
    identity = server_identity(config)
    users = {name: secret.get_secret_value() for name, secret in config.users.items()}
    server = closed_server(identity, users, config.policies)
    await server.init()
    await server.set_application_uri(identity.uri)
    server.set_server_name(f"Tundish replay {config.kit}")
    server.set_endpoint(config.url)
    await server.load_certificate(identity.certificate)
    await server.load_private_key(identity.private_key)
    namespace = await server.register_namespace(namespace_uri(config.kit))
    position = starting_position(config)
    replay = ReplayServer(server, namespace, config, position)
    await replay.build()
    async with server:
        _logger.info("playing %s at %s from %s", config.kit, config.url, position.done)
        if ready:
            ready.set()
        await replay.run(ReplayClock(position.done, config.speed))
