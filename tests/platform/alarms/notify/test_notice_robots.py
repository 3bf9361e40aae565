from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.channels import SPEC, ChannelKind
from tundish_platform.alarms.notify.faults import NotSent
from tundish_platform.alarms.notify.posting import post
from tundish_platform.alarms.notify.robots import check_robots_answer, clipped, robot, signing_key, webhook

if TYPE_CHECKING:
    from conftest import Receiver

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LOOPBACK = Allowed.of(("127.0.0.0/8",))


@pytest.mark.integration
def test_wecom_gets_text_of_2048_bytes_at_most(receiver: Receiver) -> None:
    receiver.says(200, {"errcode": 0, "errmsg": "ok"})
    one = robot(ChannelKind.WECOM, receiver.url, "", "警" * 2000, ["13800001111"], NOW)
    check_robots_answer(ChannelKind.WECOM, post(one.url, one.body, one.headers, LOOPBACK, 30).body)
    (said,) = receiver.messages
    assert said["msgtype"] == "text"
    assert len(said["text"]["content"].encode()) <= 2048
    assert said["text"]["mentioned_mobile_list"] == ["13800001111"]


@pytest.mark.integration
def test_dingtalk_gets_its_signature_in_the_address(receiver: Receiver) -> None:
    receiver.says(200, {"errcode": 0, "errmsg": "ok"})
    one = robot(ChannelKind.DINGTALK, receiver.url, "SECsecret", "超温", ["13800001111"], NOW)
    check_robots_answer(ChannelKind.DINGTALK, post(one.url, one.body, one.headers, LOOPBACK, 30).body)
    query = {name: values[0] for name, values in parse_qs(urlsplit(receiver.got[0][0]).query).items()}
    stamp = str(int(NOW.timestamp() * 1000))
    expected = hmac.new(b"SECsecret", f"{stamp}\nSECsecret".encode(), hashlib.sha256).digest()
    assert query == {"key": "s3cret", "timestamp": stamp, "sign": base64.b64encode(expected).decode()}
    (said,) = receiver.messages
    assert said["text"]["content"] == "超温\n@13800001111"
    assert said["at"] == {"atMobiles": ["13800001111"], "isAtAll": False}


@pytest.mark.integration
def test_feishu_gets_its_signature_in_the_body(receiver: Receiver) -> None:
    receiver.says(200, {"code": 0, "msg": "success", "data": {}})
    one = robot(ChannelKind.FEISHU, receiver.url, "secret", "超温", [], NOW)
    check_robots_answer(ChannelKind.FEISHU, post(one.url, one.body, one.headers, LOOPBACK, 30).body)
    (said,) = receiver.messages
    stamp = str(int(NOW.timestamp()))
    expected = hmac.new(f"{stamp}\nsecret".encode(), b"", hashlib.sha256).digest()
    assert said == {
        "timestamp": stamp, "sign": base64.b64encode(expected).decode(), "msg_type": "text",
        "content": {"text": "超温"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "answer", "again"),
    [
        (ChannelKind.WECOM, {"errcode": 45009, "errmsg": "api freq out of limit"}, True),
        (ChannelKind.WECOM, {"errcode": 93000, "errmsg": "invalid webhook url"}, False),
        (ChannelKind.DINGTALK, {"errcode": 130101, "errmsg": "send too fast"}, True),
        (ChannelKind.DINGTALK, {"errcode": 310000, "errmsg": "sign not match"}, False),
        (ChannelKind.FEISHU, {"code": 11232, "msg": "frequency limited"}, True),
        (ChannelKind.FEISHU, {"code": 19021, "msg": "sign match fail"}, False),
        (ChannelKind.FEISHU, {}, True),
        (ChannelKind.WECOM, ["?"], True),
    ],
)
def test_a_robots_refusal_hides_in_an_answer_of_200(kind: ChannelKind, answer: object, again: bool) -> None:
    with pytest.raises(NotSent) as refused:
        check_robots_answer(kind, json.dumps(answer).encode())
    assert refused.value.again is again


def test_the_webhooks_signature_is_that_of_the_standards_own_example() -> None:
    # Of the libraries' shared test vectors at github.com/standard-webhooks/standard-webhooks.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body
    signature = base64.b64encode(hmac.digest(signing_key(secret), signed, "sha256")).decode()
    assert signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    one = webhook("http://x", secret, "key", {"test": 1}, NOW)
    again = b".".join([b"key", one.headers["webhook-timestamp"].encode(), one.body])
    expected = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), again, "sha256")
    assert one.headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


def test_text_is_cut_between_characters() -> None:
    assert clipped("警报", 6) == "警报"
    assert clipped("警报警报", 10) == "警报…"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.com/x"}, {"url": "https://user:pw@example.com/"}, {"url": "https:///x"},
        {"url": "http://example.com/a\r\nHost: b"}, {"url": "http://example.com:99999/"},
        {"secret": "short"}, {"kind": "pigeon"}, {"name": "a\nb"}, {"per_minute": 0},
    ],
)  # fmt: skip
def test_channels_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    fine = {"kind": "webhook", "name": "x", "url": "https://example.com/", "secret": "s" * 16}
    SPEC.validate_python(fine)
    with pytest.raises(ValidationError):
        SPEC.validate_python(fine | wrong)
