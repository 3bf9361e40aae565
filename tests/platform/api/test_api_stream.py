"""The live stream: newest samples as they come, nothing lost over a broken line, bounded."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.api import live
from tundish_platform.api.live import LiveStream, StreamLimits, Streams, positions_of, said
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy.accounts import revoke_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World
    from werkzeug.test import TestResponse

    from tundish_platform.samples import SampleBatch

ADDRESS = "/api/v1/tenants/steel/stream"
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def quick(world: World) -> None:
    limits = StreamLimits(most=3, of_tenant=2, poll_s=0.01, alive_s=0.02, recheck_s=0.0)
    world.app.extensions[live.EXTENSION] = Streams(limits)


@pytest.fixture
def append(world: World, make_batch: Callable[..., SampleBatch]) -> Callable[..., None]:
    def send(values: list[Any], start: datetime, key: str = "pressure") -> None:
        kind = SampleKind.TEXT if key == "state" else SampleKind.NUMERIC
        batch = make_batch(kind, world.ids[key], values, start)
        world.context.telemetry.append(world.scopes["steel"], [batch])

    return send


def open_stream(world: World, *keys: str, who: str = "viewer", last: str = "") -> TestResponse:
    headers = world.header(who) | ({"Last-Event-ID": last} if last else {})
    signals = ",".join(str(world.ids[key]) for key in keys)
    return world.app.test_client().get(ADDRESS, query_string={"signals": signals}, headers=headers)


def events(answer: TestResponse) -> Iterator[dict[str, Any]]:
    """Events with samples; signs of life are passed over."""
    for chunk in answer.iter_encoded():
        if chunk.startswith(b"id: "):
            fields = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))
            assert fields["event"] == "samples"
            yield {"id": fields["id"], **json.loads(fields["data"])}


def values(event: dict[str, Any]) -> list[Any]:
    return [row["value"] for row in event["samples"]]


def test_it_begins_with_the_newest_and_goes_on_with_what_comes(
    world: World, append: Callable[..., None]
) -> None:
    answer = open_stream(world, "pressure", "state")
    assert answer.mimetype == "text/event-stream"
    came = events(answer)
    first = next(came)
    assert {row["signal"] for row in first["samples"]} == {world.ids["pressure"], world.ids["state"]}
    assert len(first["samples"]) == 2, "only the newest of each"
    append([1.5, 2.5, 3.5], LATER)
    second = next(came)
    assert values(second) == [1.5, 2.5, 3.5]
    assert set(second["samples"][0]) == {"signal", "ts", "value", "status", "arrival"}
    append(["stopped"], LATER, "state")
    assert values(next(came)) == ["stopped"]
    answer.close()


def test_who_comes_back_gets_what_came_meanwhile_and_nothing_twice(
    world: World, append: Callable[..., None]
) -> None:
    answer = open_stream(world, "pressure", "flow")
    last = next(events(answer))["id"]
    answer.close()
    append([1.0, 2.0], LATER)
    append([9.0], LATER + SECOND, "flow")
    answer = open_stream(world, "pressure", "flow", last=last)
    event = next(events(answer))
    answer.close()
    assert sorted(values(event)) == [1.0, 2.0, 9.0]
    assert event["skipped"] is False
    append([3.0], LATER + 5 * SECOND)
    answer = open_stream(world, "pressure", "flow", last=event["id"])
    assert values(next(events(answer))) == [3.0]
    answer.close()


def test_what_is_too_much_for_an_event_is_skipped_and_said(
    world: World, append: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_ROWS", 5)
    answer = open_stream(world, "pressure")
    came = events(answer)
    next(came)
    append([float(n) for n in range(20)], LATER)
    event = next(came)
    assert (values(event), event["skipped"]) == ([15.0, 16.0, 17.0, 18.0, 19.0], True)
    append([0.0], LATER + timedelta(days=2))
    event = next(came)
    assert (values(event), event["skipped"]) == ([0.0], True)
    answer.close()


def test_signs_of_life_come_while_nothing_else_does(world: World) -> None:
    answer = open_stream(world, "pressure")
    chunks = answer.iter_encoded()
    assert next(chunks).startswith(b"id: ")
    assert next(chunks) == b": alive\n\n"
    answer.close()


def test_places_are_bounded_by_tenant_and_given_back(world: World) -> None:
    opened = [open_stream(world, "pressure") for _ in range(2)]
    refused = open_stream(world, "pressure")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_streams")
    opened.pop().close()
    again = open_stream(world, "pressure")
    assert again.status_code == 200
    for one in (*opened, again):
        one.close()
        one.close()
    streams: Streams = world.app.extensions[live.EXTENSION]
    for tenant in (1, 2, 3):
        streams.enter(tenant)
    with pytest.raises(live.Problem):
        streams.enter(4)


def test_it_ends_when_the_token_is_revoked(world: World) -> None:
    answer = open_stream(world, "pressure")
    chunks = answer.iter_encoded()
    next(chunks)
    with world.context.metadata.session() as session:
        revoke_token(session, "viewer")
    assert all(chunk == b": alive\n\n" for chunk in chunks), "it ends, and says nothing more before"
    answer.close()


def test_it_ends_when_the_server_stops(world: World) -> None:
    answer = open_stream(world, "pressure")
    chunks = answer.iter_encoded()
    next(chunks)
    world.app.extensions[live.EXTENSION].close()
    rest: list[bytes] = []
    thread = threading.Thread(target=lambda: rest.extend(chunks))
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    answer.close()


def test_strangers_and_bad_questions_get_no_stream(world: World) -> None:
    assert open_stream(world, "pressure", who="foreign").status_code == 404
    assert open_stream(world, "pressure", who="collector").status_code == 403
    for last in ("x", "1:2:3", "1", "1:" + "9" * 17, "-1:5"):
        assert open_stream(world, "pressure", last=last).status_code == 400, last
    client, header = world.app.test_client(), world.header("viewer")
    assert client.get(ADDRESS, headers=header).status_code == 400
    assert client.get(ADDRESS, query_string={"signals": "999"}, headers=header).status_code == 422
    assert positions_of(said({3: 5, 1: 7})) == {1: 7, 3: 5}


def test_positions_of_other_signals_are_left_aside(world: World) -> None:
    stream = LiveStream(
        Streams(StreamLimits()), world.context.telemetry, [],
        renew=lambda: world.scopes["steel"], gone=lambda: True, dumps=json.dumps, positions={5: 1},
    )  # fmt: skip
    assert list(stream) == []
    stream.close()
