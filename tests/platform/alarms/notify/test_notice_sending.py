from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tundish_platform.alarms import Transition
from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.channels import UnknownChannel, enable_channel, list_channels
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.alarms.notify.models import NoticeChannel
from tundish_platform.alarms.notify.outbox import put_trial
from tundish_platform.alarms.notify.sending import BURST, LEASE, MOST_ATTEMPTS, back_off, claim, settle
from tundish_platform.alarms.notify.vault import Vault

if TYPE_CHECKING:
    from conftest import Office, Receiver

    from tundish_platform.alarms.notify.notifier import Notifier

pytestmark = pytest.mark.integration

RNG = random.Random(3)  # noqa: S311 - jitter, no secret
# What the kind of database does not matter to runs on one.
one_database = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def sent(notifier: Notifier) -> int:
    begun = notifier.send()
    notifier.drain()
    return begun


def test_a_signed_message_arrives(office: Office, receiver: Receiver) -> None:
    receiver.says(204)
    office.policy([{"after_minutes": 0, "channels": [office.channel(receiver.url, language="both")]}])
    office.raise_alarm(path="S/L/M", priority=3, message_zh="油温 91 ℃")
    notifier = office.notifier()
    notifier.escalate()
    assert sent(notifier) == 1
    ((path, headers, body),) = receiver.got
    assert path == "/hook?key=s3cret"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(b"a secret of the webhook", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert int(headers["webhook-timestamp"]) == int(office.now.timestamp())
    said = json.loads(body)
    assert (said["type"], said["tenant"], said["count"]) == ("alarm.alarm", "steel", 1)
    assert said["alarms"][0]["name_zh"] == "超温"
    assert "2026-03-01 16:00:00 起, 仍在持续" in said["text"], "on the plant's clock"
    assert "油温 91 ℃" in said["text"]
    assert "[high] Steel: Too hot" in said["text"]
    (row,) = office.log()
    assert (row.state, row.attempts, row.key) == ("sent", 1, headers["webhook-id"])
    assert sent(notifier) == 0


@one_database
def test_a_server_that_fails_is_tried_again_with_the_same_key(office: Office, receiver: Receiver) -> None:
    receiver.says(503)
    receiver.says(429, Retry_After="600")
    receiver.says(200)
    _trial(office, receiver.url)
    notifier = office.notifier()
    sent(notifier)
    (row,) = office.log()
    assert (row.state, row.fault, row.detail) == ("waiting", "answered_badly", "HTTP 503")
    assert timedelta(seconds=5) <= row.due_at - office.now <= timedelta(seconds=10)
    assert sent(notifier) == 0, "not before its time"
    office.now = row.due_at
    sent(notifier)
    (row,) = office.log()
    assert row.due_at - office.now == timedelta(seconds=600), "as long as the server asks for"
    office.now = row.due_at
    sent(notifier)
    (row,) = office.log()
    assert (row.state, row.attempts, row.fault) == ("sent", 3, "")
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert len({body.split(b'"id"')[1] for _, _, body in receiver.got}) == 1


@one_database
def test_it_is_given_up_after_so_many_attempts(office: Office, receiver: Receiver) -> None:
    receiver.says(500)
    _trial(office, receiver.url)
    notifier = office.notifier()
    for _ in range(MOST_ATTEMPTS + 3):
        sent(notifier)
        office.tick(hours=1)
    (row,) = office.log()
    assert (row.state, row.attempts) == ("dead", MOST_ATTEMPTS)
    assert len(receiver.got) == MOST_ATTEMPTS


@one_database
@pytest.mark.parametrize("status", [400, 410])
def test_a_refusal_is_not_repeated(office: Office, receiver: Receiver, status: int) -> None:
    receiver.says(status)
    _trial(office, receiver.url)
    sent(office.notifier())
    assert [(row.state, row.fault, row.attempts) for row in office.log()] == [("dead", "answered_badly", 1)]


@one_database
def test_a_redirect_is_not_followed(office: Office, receiver: Receiver) -> None:
    receiver.says(307, Location=receiver.url)
    _trial(office, receiver.url)
    sent(office.notifier())
    assert len(receiver.got) == 1
    assert [(row.state, row.fault) for row in office.log()] == [("dead", "redirected")]


@one_database
def test_a_server_that_hangs_is_left_in_time_and_holds_up_nobody_else(
    office: Office, receiver: Receiver
) -> None:
    receiver.says(200)
    receiver.hold.clear()
    _trial(office, receiver.url)
    sent(office.notifier(timeout_s=0.2))
    assert [(row.state, row.fault) for row in office.log()] == [("waiting", "timeout")]


@one_database
def test_nothing_goes_into_the_platforms_own_network(office: Office, receiver: Receiver) -> None:
    receiver.says(200)
    _trial(office, receiver.url)
    _trial(office, receiver.url.replace("127.0.0.1", "localhost"))
    sent(office.notifier(allowed=Allowed()))
    assert receiver.got == []
    assert [(row.state, row.fault) for row in office.log()] == [("dead", "forbidden_address")] * 2


def test_who_dies_while_sending_is_taken_over_with_the_same_message(
    office: Office, receiver: Receiver
) -> None:
    receiver.says(200)
    number = _trial(office, receiver.url)
    engineer, metadata = office.plant.engineer, office.plant.metadata
    with metadata.session() as session:
        lost = claim(session, engineer, office.vault, number, office.now)
    assert lost is not None
    office.tick(seconds=LEASE.total_seconds() - 1)
    assert sent(office.notifier()) == 0
    office.tick(seconds=1)
    with metadata.session() as session:
        taken_over = claim(session, engineer, office.vault, number, office.now)
    assert taken_over is not None
    assert (taken_over.key, taken_over.content) == (lost.key, lost.content)
    with metadata.session() as session:  # the dead one wakes up, and has nothing to say any more
        settle(session, engineer, lost, NotSent(Fault.TIMEOUT, again=False), office.now, RNG)
    assert [(row.state, row.attempts) for row in office.log()] == [("waiting", 2)]
    office.tick(seconds=LEASE.total_seconds())
    assert sent(office.notifier()) == 1
    assert receiver.messages[0]["id"] == lost.key
    assert [(row.state, row.attempts) for row in office.log()] == [("sent", 3)]


def test_processes_that_send_at_once_send_each_message_once(office: Office, receiver: Receiver) -> None:
    receiver.says(200)
    channel = office.channel(receiver.url)
    for _ in range(BURST):
        with office.plant.metadata.session() as session:
            put_trial(session, office.plant.engineer, channel, office.now)
        office.tick(seconds=0.001)
    notifiers = [office.notifier() for _ in range(3)]
    start = threading.Barrier(len(notifiers))

    def go(notifier: Notifier) -> None:
        start.wait()
        for _ in range(4):
            sent(notifier)

    threads = [threading.Thread(target=go, args=(one,)) for one in notifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == len({m["id"] for m in receiver.messages}) == BURST
    assert {row.state for row in office.log()} == {"sent"}


@one_database
def test_a_channels_rate_holds_messages_back_and_loses_none(office: Office, receiver: Receiver) -> None:
    receiver.says(200)
    channel = office.channel(receiver.url, per_minute=6)
    for _ in range(BURST + 2):
        with office.plant.metadata.session() as session:
            put_trial(session, office.plant.engineer, channel, office.now)
        office.tick(seconds=0.001)
    notifier = office.notifier()
    for expected in (BURST, BURST, BURST + 1, BURST + 2):
        while sent(notifier):
            pass
        assert len(receiver.got) == expected
        office.tick(seconds=5)
        if expected > BURST:
            office.tick(seconds=5)


def test_what_was_acknowledged_meanwhile_is_not_sent(office: Office, receiver: Receiver) -> None:
    receiver.says(200)
    office.policy([{"after_minutes": 0, "channels": [office.channel(receiver.url)]}])
    seen, unseen = office.raise_alarm("seen"), office.raise_alarm("unseen")
    notifier = office.notifier()
    notifier.escalate()
    office.act(seen, Transition.ACKNOWLEDGED)
    sent(notifier)
    assert [[a["alarm"] for a in m["alarms"]] for m in receiver.messages] == [[unseen]]
    assert office.log()[0].count == 1
    office.tick(minutes=1)
    another = office.raise_alarm("another")
    notifier.escalate()
    office.act(another, Transition.ACKNOWLEDGED)
    sent(notifier)
    assert [row.state for row in office.log()] == ["sent", "void"]


def test_a_clock_that_is_set_back_keeps_no_message(office: Office, receiver: Receiver) -> None:
    receiver.says(503)
    receiver.says(200)
    _trial(office, receiver.url)
    notifier = office.notifier()
    sent(notifier)
    office.tick(days=-30)
    sent(notifier)
    assert [row.state for row in office.log()] == ["sent"]


@one_database
def test_secrets_are_sealed_and_never_shown(office: Office) -> None:
    number = office.channel("https://hook.example.com/x?key=s3cret")
    with office.plant.metadata.session() as session:
        shown = [c.model_dump_json() for c in list_channels(session, office.plant.engineer)]
        row = session.get(NoticeChannel, number)
        assert row is not None
        kept = f"{row.secrets} {row.settings}"
        assert office.vault.open(row.tenant_id, row.secrets)["url"].endswith("s3cret")
        claimed = claim(session, office.plant.engineer, office.vault, _trial_of(office, number), office.now)
    assert "hook.example.com" in shown[0]
    for text in (*shown, kept, repr(claimed)):
        assert "s3cret" not in text
        assert "a secret of the webhook" not in text


@one_database
def test_another_key_or_tenant_opens_nothing(office: Office, receiver: Receiver) -> None:
    _trial(office, receiver.url)
    office.vault = Vault(SecretStr("another key" * 4))
    sent(office.notifier())
    assert [(row.state, row.fault) for row in office.log()] == [("dead", "key_lost")]
    sealed = office.vault.seal(1, {"a": "b"})
    with pytest.raises(Exception, match="cannot be opened"):
        office.vault.open(2, sealed)


@one_database
def test_channels_of_others_do_not_exist(office: Office) -> None:
    number = office.channel()
    with office.plant.metadata.session() as session:
        assert list_channels(session, office.plant.stranger) == []
        for attempt in (
            lambda: put_trial(session, office.plant.stranger, number, office.now),
            lambda: enable_channel(session, office.plant.stranger, number, 1, office.now, enabled=False),
        ):
            with pytest.raises(UnknownChannel):
                attempt()


def test_waiting_longer_and_longer_with_jitter() -> None:
    rng = RNG
    for attempt in range(1, 30):
        waits = {back_off(attempt, None, rng) for _ in range(20)}
        full = min(10 * 2 ** (attempt - 1), 3600)
        assert all(timedelta(seconds=full / 2) <= w <= timedelta(seconds=full) for w in waits)
        assert len(waits) > 1
    assert back_off(1, 1e9, rng) == timedelta(hours=1)


def _trial(office: Office, url: str) -> int:
    return _trial_of(office, office.channel(url))


def _trial_of(office: Office, channel: int) -> int:
    with office.plant.metadata.session() as session:
        return put_trial(session, office.plant.engineer, channel, office.now)
