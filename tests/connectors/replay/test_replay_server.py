"""The server as a client meets it: what it shows, whom it lets in, what it does at a second start."""

# ruff: noqa: ANN401 - asyncua hands out untyped things, and the fixtures' types live in conftest

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from tundish_connectors.replay import fresh_start, make_identity, namespace_uri, starting_position
from tundish_connectors.replay.play import PartPlay
from tundish_connectors.replay.position import Position, PositionFile
from tundish_connectors.replay.registry import recording
from tundish_connectors.replay.server import _faulty
from tundish_platform.samples import SampleKind
from tundish_platform.samples.kits import kit
from tundish_platform.samples.units import engineering_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tundish_connectors.replay import ReplayConfig

pytestmark = pytest.mark.integration

KIT = "hydraulic-bench"
BASE = kit(KIT).line
# The cooling power falls silent at 3,600 s; the play starts a little before that.
START_S = 3_540
SECOND = timedelta(seconds=1)
Row = tuple[datetime, Any, int]


class Heard:
    """Keeps what a subscription brings, per signal."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        sample = data.monitored_item.Value
        self.rows.setdefault(node.nodeid.Identifier, []).append(
            (sample.SourceTimestamp, value, sample.StatusCode.value)
        )

    def status_change_notification(self, status: Any) -> None:
        raise AssertionError(status)


async def listen(client: Client, heard: Heard, paths: list[str], seconds: float) -> None:
    namespace = await client.get_namespace_index(namespace_uri(KIT))
    subscription = await client.create_subscription(200, heard, queue_maxsize=1_000_000)
    trigger = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
    nodes = [client.get_node(ua.NodeId(path, namespace)) for path in paths]
    await subscription._subscribe(nodes, ua.AttributeIds.Value, trigger, queuesize=10_000)
    await asyncio.sleep(seconds)
    await subscription.delete()


@pytest.fixture(scope="module")
def bench(
    make_bench: Callable[..., Any], running: Callable[..., AbstractContextManager[None]]
) -> Iterator[Any]:
    one = make_bench(KIT)
    v0 = fresh_start(datetime.now(UTC), one.config.speed, one.config.span)
    position = Position.first(KIT, recording(KIT).live(), v0).played(START_S + 1)
    PositionFile(one.config.state_dir, KIT).save(position)
    with running(one.config):
        yield one


def test_the_address_space_states_types_units_and_ranges(bench: Any) -> None:
    async def check() -> None:
        async with bench.connect() as client:
            namespace = await client.get_namespace_index(namespace_uri(KIT))
            node = client.nodes.objects
            for step in ("Machines", *BASE.split("/"), "HPU1", "Circuit", "Pressure1"):
                node = await node.get_child(f"{namespace}:{step}")
            assert node.nodeid.Identifier == f"{BASE}/HPU1/Circuit/Pressure1"
            for spec in kit(KIT).specs():
                await check_signal(client, namespace, spec)

    async def check_signal(client: Client, namespace: int, spec: Any) -> None:
        node = client.get_node(ua.NodeId(spec.path, namespace))
        types = {SampleKind.NUMERIC: 11, SampleKind.INTEGER: 8, SampleKind.TEXT: 12, SampleKind.ARRAY: 11}
        assert (await node.read_data_type()).Identifier == types[spec.kind]
        rank = await node.read_value_rank()
        assert rank == (ua.ValueRank.OneDimension if spec.kind is SampleKind.ARRAY else ua.ValueRank.Scalar)
        assert (await node.read_display_name()).Text == spec.name_zh
        if spec.unit:
            unit = await (await node.get_child("0:EngineeringUnits")).read_value()
            assert unit.UnitId == engineering_unit(spec.unit).unit_id
            assert unit.NamespaceUri == "http://www.opcfoundation.org/UA/units/un/cefact"
        if spec.low is not None:
            span = await (await node.get_child("0:EURange")).read_value()
            assert (span.Low, span.High) == (spec.low, spec.high)
        if spec.unit and spec.low is not None:
            assert (await node.read_type_definition()).Identifier == ua.ObjectIds.AnalogItemType

    asyncio.run(check())


def test_every_row_arrives_once_in_order_with_its_time_value_and_status(bench: Any) -> None:
    heard = Heard()
    paths = [spec.path for spec in kit(KIT).specs()]

    async def hear() -> None:
        async with bench.connect() as client:
            await listen(client, heard, paths, 4.0)

    asyncio.run(hear())
    position = PositionFile(bench.config.state_dir, KIT).load()
    part = recording(KIT).live()[0]
    play = PartPlay(part, recording(KIT).silences, _faulty(kit(KIT)))
    origin = position.v0
    for index, channel in enumerate(part.channels):
        rows = heard.rows[f"{BASE}/{channel.path}"]
        low, high = (int((rows[at][0] - origin) / SECOND) for at in (0, -1))
        expected = [
            (origin + row.ts * SECOND, row.value, row.status)
            for row in play.due(low - 1, high, low - 1)
            if row.channel == index
        ]
        assert rows == expected, channel.path
    assert len(heard.rows[f"{BASE}/HPU1/Circuit/Pressure1"]) > 150
    statuses = {status for rows in heard.rows.values() for _, _, status in rows}
    assert statuses == {0, 0x808C0000, 0x40930000}
    assert max(rows[-1][0] for rows in heard.rows.values()) <= datetime.now(UTC)


def test_equal_values_with_new_times_are_heard(bench: Any) -> None:
    heard = Heard()

    async def hear() -> None:
        async with bench.connect() as client:
            await listen(client, heard, [f"{BASE}/HPU1/Inspection/Cooler"], 3.5)

    asyncio.run(hear())
    rows = heard.rows[f"{BASE}/HPU1/Inspection/Cooler"]
    assert len(rows) >= 3
    assert {after[0] - before[0] for before, after in pairwise(rows)} == {timedelta(minutes=1)}


def test_the_silent_signal_is_silent_while_its_neighbour_speaks(bench: Any) -> None:
    heard = Heard()
    silent, speaking = f"{BASE}/HPU1/Cooler/Power", f"{BASE}/HPU1/Cooler/Efficiency"

    async def hear() -> None:
        async with bench.connect() as client:
            while await source_second(client) < 3_700:  # noqa: ASYNC110 - the server's clock has no event
                await asyncio.sleep(0.2)
            await listen(client, heard, [silent, speaking], 1.5)

    async def source_second(client: Client) -> int:
        namespace = await client.get_namespace_index(namespace_uri(KIT))
        value: int = await client.get_node(ua.NodeId("Replay/Position", namespace)).read_value()
        return value

    asyncio.run(hear())
    v0 = PositionFile(bench.config.state_dir, KIT).load().v0
    assert [row[0] for row in heard.rows[silent]] == [v0 + 3_599 * SECOND]
    assert len(heard.rows[speaking]) > 30


def test_the_replays_own_nodes(bench: Any) -> None:
    async def read() -> dict[str, Any]:
        async with bench.connect() as client:
            namespace = await client.get_namespace_index(namespace_uri(KIT))
            names = ("Speed", "Running", "Pass", "Position")
            return {
                name: await client.get_node(ua.NodeId(f"Replay/{name}", namespace)).read_value()
                for name in names
            }

    values = asyncio.run(read())
    assert values["Speed"] == 60.0
    assert values["Running"] is True
    assert values["Pass"] == 0
    assert values["Position"] >= START_S


def test_a_client_cannot_write(bench: Any) -> None:
    async def write() -> None:
        async with bench.connect() as client:
            namespace = await client.get_namespace_index(namespace_uri(KIT))
            await client.get_node(ua.NodeId(f"{BASE}/HPU1/Circuit/Pressure1", namespace)).write_value(1.0)

    with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
        asyncio.run(write())


@pytest.mark.parametrize(("user", "password"), [("gateway", "wrong-password"), ("admin", "a-long-password")])
def test_a_wrong_user_or_password_is_refused(bench: Any, user: str, password: str) -> None:
    async def enter() -> None:
        async with bench.connect(user, password):
            pass

    with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
        asyncio.run(enter())


def test_nobody_comes_in_without_a_name(bench: Any) -> None:
    async def enter() -> None:
        async with bench.connect(user=None):
            pass

    with pytest.raises(ua.UaError, match=r"[Aa]nonymous|BadIdentityTokenRejected"):
        asyncio.run(enter())


def test_an_unknown_client_certificate_is_refused(bench: Any, tmp_path: Any) -> None:
    # The same ApplicationURI as the trusted client: only the certificate tells them apart.
    stranger = make_identity(tmp_path, bench.client.uri, "Stranger")

    async def enter() -> None:
        async with bench.connect(identity=stranger):
            pass

    with pytest.raises(ua.UaStatusCodeError, match="BadCertificateUntrusted"):
        asyncio.run(enter())


def test_a_borrowed_trusted_certificate_does_not_help(bench: Any, tmp_path: Any) -> None:
    stranger = make_identity(tmp_path, bench.client.uri, "Stranger")
    trusted = bench.client.certificate.read_bytes()

    async def enter() -> None:
        client = Client(bench.config.url, timeout=10)
        client.application_uri = stranger.uri
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            str(stranger.certificate),
            str(stranger.private_key),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        client.set_user("gateway")
        client.set_password("a-long-password")
        await client.connect_socket()
        await client.send_hello()
        await client.open_secure_channel()
        # What CreateSession states need not be what the channel was opened with.
        client.security_policy.host_certificate = trusted
        client.security_policy.asymmetric_cryptography.verify = lambda *_: None
        try:
            await client.create_session()
            await client.activate_session(username="gateway", password="a-long-password")
        finally:
            client.disconnect_socket()

    with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
        asyncio.run(enter())


def test_only_the_encrypted_endpoint_is_offered(bench: Any) -> None:
    async def ask() -> list[Any]:
        endpoints: list[Any] = await Client(bench.config.url, timeout=10).connect_and_get_server_endpoints()
        return endpoints

    (only,) = asyncio.run(ask())
    assert only.SecurityPolicyUri.endswith("#Basic256Sha256")
    assert only.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt
    assert [token.TokenType for token in only.UserIdentityTokens] == [ua.UserTokenType.UserName]


def plain_endpoint(*_: Any) -> ua.EndpointDescription:
    """What a server without encryption would offer; asyncua's client gives up when it is not offered."""
    token = ua.UserTokenPolicy()
    token.PolicyId, token.TokenType = "username", ua.UserTokenType.UserName
    endpoint = ua.EndpointDescription()
    endpoint.UserIdentityTokens = [token]
    return endpoint


@pytest.mark.parametrize("log_in", [True, False])
def test_without_encryption_neither_log_in_nor_reading_works(
    bench: Any, monkeypatch: pytest.MonkeyPatch, log_in: bool
) -> None:
    monkeypatch.setattr(Client, "find_endpoint", plain_endpoint)
    answers: list[str] = []

    async def attempt() -> None:
        client = Client(bench.config.url, timeout=10)
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            answers.append("session")
            if log_in:
                await client.activate_session(username="gateway", password="a-long-password")
            answers.append(await client.get_node(ua.ObjectIds.Server_NamespaceArray).read_value())
        finally:
            client.disconnect_socket()

    with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
        asyncio.run(attempt())
    assert answers == ["session"]


def test_a_second_start_goes_on_where_the_first_stopped(
    make_bench: Callable[..., Any], running: Callable[[ReplayConfig], AbstractContextManager[None]]
) -> None:
    one = make_bench("igbt-ageing")
    file = PositionFile(one.config.state_dir, "igbt-ageing")
    with running(one.config):
        time.sleep(1.5)
    first = file.load()
    assert first.done > first.v0
    with running(one.config):
        time.sleep(0.5)
    second = file.load()
    assert second.v0 == first.v0
    assert second.done > first.done
    played = (second.done - first.done) // SECOND
    for name, part in first.parts.items():
        assert second.parts[name].done - part.done == played


def test_the_starting_position_is_there_for_the_history_before_the_server_runs(
    make_bench: Callable[..., Any],
) -> None:
    one = make_bench("plate-line")
    before = starting_position(one.config)
    assert before.v0 == before.done + SECOND
    assert starting_position(one.config).v0 == before.v0
