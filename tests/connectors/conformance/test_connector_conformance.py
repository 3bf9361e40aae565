"""What every connector owes, whatever its protocol. `Subject` in conftest tells how each source is driven."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tundish_connectors.collect.gateway import Gateway, GatewaySettings
from tundish_connectors.delivery import DeliveryConfig
from tundish_connectors.registry import TYPES, connector_type, connector_types

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.connectors.conformance.conftest import Kit, Subject
    from tests.connectors.conftest import ReceivingPlatform

pytestmark = pytest.mark.integration
RULES = {"source_lost", "gap", "secret"}


def gateway(subject: Subject, url: str) -> Gateway:
    kind = connector_type(subject.type)
    connection = kind.check(subject.settings())
    connection.state_dir.mkdir(parents=True, exist_ok=True)
    delivery = DeliveryConfig(base_url=url, tenant="plant", token="gateway-token")
    return Gateway(connection, GatewaySettings(delivery, heartbeat_s=0.2), kind.assembled(connection))


@contextlib.asynccontextmanager
async def running(subject: Subject, platform: ReceivingPlatform) -> AsyncIterator[asyncio.Task[int]]:
    task = asyncio.create_task(gateway(subject, platform.url).run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def source(subject: Subject) -> AsyncIterator[None]:
    await subject.start()
    try:
        yield
    finally:
        await subject.stop()


async def leave(subject: Subject) -> None:
    # What has never been started is not there to be stopped.
    with contextlib.suppress(AttributeError):
        await subject.stop()


def states(platform: ReceivingPlatform) -> list[str]:
    return [beat["state"] for beat in list(platform.heartbeats)]


def arrived(platform: ReceivingPlatform, wanted: dict[str, Any]) -> bool:
    return all(value in platform.rows(path).values() for path, value in wanted.items())


def test_every_connector_is_a_subject_and_every_waiver_has_a_rule(kit: type[Kit]) -> None:
    assert {one.type for one in kit.subjects} == set(TYPES)
    for one in kit.subjects:
        assert set(one.waived) <= RULES
        assert all(len(reason) > 20 for reason in one.waived.values())
        assert {kind.value for kind in one.paths} == {
            k.value for k in connector_type(one.type).manifest.kinds
        }


def test_settings_are_checked_without_network(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket.socket, "bind", no_network)
    kind = connector_type(subject.type)
    kind.check(subject.settings())
    for change in subject.wrong:
        with pytest.raises(ValidationError):
            kind.check({**subject.settings(), **change})
    described = kind.config().model_json_schema()
    assert {"name", "state_dir"} <= set(described["properties"])


def test_values_of_all_kinds_arrive_and_a_bad_signal_is_told(
    subject: Subject, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    async def scenario() -> None:
        async with source(subject), running(subject, platform):
            await kit.until("running", lambda: "running" in states(platform))
            wanted = await subject.give(1)
            assert set(wanted) == set(subject.paths.values())
            await kit.until("values of all kinds", lambda: arrived(platform, wanted))
            await kit.until("the bad signal is listed", lambda: subject.bad in failed(platform))
            wanted = await subject.give(2)
            await kit.until("the others go on", lambda: arrived(platform, wanted))

    asyncio.run(scenario())
    for kind, path in subject.paths.items():
        assert platform.specs[path]["kind"] == kind.value
        assert platform.specs[path]["name_zh"]
        assert platform.specs[path]["name_en"]
    assert states(platform)[-1] == "down"
    secrets_are_kept(subject, platform, kit)


def failed(platform: ReceivingPlatform) -> set[str]:
    return {one["path"] for beat in list(platform.heartbeats) for one in beat["signals"]["failed"]}


def secrets_are_kept(subject: Subject, platform: ReceivingPlatform, kit: type[Kit]) -> None:
    told = json.dumps(platform.heartbeats)
    diagnostics = subject.folder / "state" / "diagnostics.json"
    written = json.loads(diagnostics.read_text())
    assert {"connection", "heartbeat", "spool", "connector"} <= set(written)
    assert written["connector"]
    told += diagnostics.read_text()
    assert ("**********" in told) is ("secret" not in subject.waived)
    assert kit.secret not in told
    assert kit.secret not in repr(connector_type(subject.type).check(subject.settings()))


def test_a_source_that_goes_is_told_in_both_languages_and_comes_back(
    subject: Subject, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            # The gateway is there first, and is ended while the source is there.
            stack.push_async_callback(leave, subject)
            await stack.enter_async_context(running(subject, platform))
            await subject.start()
            await kit.until("running", lambda: "running" in states(platform))
            wanted = await subject.give(1)
            await kit.until("values", lambda: arrived(platform, wanted))
            await subject.stop()
            if "source_lost" not in subject.waived:
                await kit.until("down", lambda: mourned(platform))
            await subject.start()
            await kit.until("running again", lambda: states(platform)[-1] == "running")
            wanted = await subject.give(2)
            await kit.until("values again", lambda: arrived(platform, wanted))
            if "gap" not in subject.waived:
                await kit.until("a gap", lambda: platform.gaps(numeric_path(subject)))

    asyncio.run(scenario())
    gaps = platform.gaps(numeric_path(subject))
    assert bool(gaps) is ("gap" not in subject.waived)
    times = sorted(platform.rows(numeric_path(subject)))
    for start, end, _ in gaps:
        assert start < end
        assert end in times


def numeric_path(subject: Subject) -> str:
    return next(iter(subject.paths.values()))


def mourned(platform: ReceivingPlatform) -> bool:
    return any(
        beat["state"] != "running" and beat["message_zh"] and beat["message_en"]
        for beat in list(platform.heartbeats)
    )


def test_what_was_taken_is_on_disk_when_it_is_cancelled_and_arrives_later(
    subject: Subject, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    async def scenario() -> None:
        async with source(subject):
            async with running(subject, platform):
                await kit.until("running", lambda: "running" in states(platform))
                wanted = await subject.give(1)
                await kit.until("values", lambda: arrived(platform, wanted))
                platform.answers += [503] * 1000
                taken = platform.heartbeats[-1]["counts"]["received"]
                wanted = await subject.give(2)
                await kit.until(
                    "they are taken",
                    lambda: platform.heartbeats[-1]["counts"]["received"] >= taken + len(wanted),
                )
            assert not arrived(platform, wanted)
            platform.answers.clear()
            before = {path: dict(platform.rows(path)) for path in wanted}
            platform.heartbeats.clear()
            async with running(subject, platform):
                await kit.until("the second run delivers", lambda: arrived(platform, wanted))
                await kit.until("and runs", lambda: "running" in states(platform))
            for path, rows in before.items():
                assert rows.items() <= platform.rows(path).items()

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", connector_types(), ids=lambda kind: kind.manifest.type)
def test_manifest_quality_scale_and_readme_are_whole(kind: Any) -> None:  # noqa: ANN401
    from importlib.resources import files  # noqa: PLC0415 - here only

    folder = files("tundish_connectors") / kind.manifest.type
    readme = (folder / "README.md").read_text("utf-8")
    assert kind.manifest.name_zh.split("(")[0] in readme
    assert len(readme.splitlines()) > 10
    scales = {one.manifest.type: one.quality() for one in connector_types()}
    mine = scales[kind.manifest.type]
    assert list(mine) == ["bronze", "silver", "gold"]
    for other in scales.values():
        assert {tier: set(rules) for tier, rules in other.items()} == {
            t: set(rules) for t, rules in mine.items()
        }
    for rules in mine.values():
        assert all(rule.status == "done" or rule.comment for rule in rules.values())
    assert all(rule.status != "open" for rule in mine["bronze"].values())


def test_state_folders_are_not_shared(tmp_path: Path) -> None:
    from tundish_connectors.collect.gateway import alone  # noqa: PLC0415 - here only
    from tundish_connectors.connector import ConnectorError  # noqa: PLC0415 - here only

    with alone(tmp_path), pytest.raises(ConnectorError, match="Another process"), alone(tmp_path):
        pass
