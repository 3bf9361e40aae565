r"""Messages of chat groups' robots and of webhooks, in the formats and signatures their makers document.

- 企业微信: https://developer.work.weixin.qq.com/document/path/91770 (text of 2,048 bytes at most; 20 messages
  a minute; ``errcode`` 0 is success).
- 钉钉: https://open.dingtalk.com/document/group/custom-robot-access (加签: HMAC-SHA256 over
  ``timestamp\nsecret`` with the secret as key, in the address; timestamp in ms; 20 messages a minute).
- 飞书: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (签名校验: HMAC-SHA256 over nothing
  with ``timestamp\nsecret`` as key, in the body; timestamp in s; ``code`` 0 is success).
- Webhooks: https://www.standardwebhooks.com (``webhook-id``, ``webhook-timestamp`` and a signature over
  ``id.timestamp.body``), for which verifying libraries exist in most languages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from tundish_platform.alarms.notify.channels import ChannelKind
from tundish_platform.alarms.notify.faults import Fault, NotSent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

WECOM_BYTES: Final = 2048
_WHSEC: Final = "whsec_"
# "Too many messages" of each maker; everything else that is not 0 is refused for good.
_BUSY: Final = {
    ChannelKind.WECOM: {-1, 45009, 45033},
    ChannelKind.DINGTALK: {-1, 130101, 410100},
    ChannelKind.FEISHU: {9499, 11232},
}


@dataclass(frozen=True, slots=True)
class Post:
    """What to post where."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def webhook(url: str, secret: str, key: str, message: Mapping[str, Any], now: datetime) -> Post:
    """A signed message for a program; ``key`` is the same for every attempt."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    stamp = str(int(now.timestamp()))
    signature = hmac.digest(signing_key(secret), b".".join([key.encode(), stamp.encode(), body]), "sha256")
    headers = {
        "webhook-id": key, "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }  # fmt: skip
    return Post(url, body, headers)


def signing_key(secret: str) -> bytes:
    """The bytes of a webhook's secret: base64 behind ``whsec_``, or the text itself."""
    if secret.startswith(_WHSEC):
        try:
            return base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
        except ValueError:
            return secret.encode()
    return secret.encode()


def robot(kind: ChannelKind, url: str, secret: str, text: str, mobiles: Sequence[str], now: datetime) -> Post:
    """A text message of a robot.

    Args:
        kind: whose robot.
        url: with the robot's own key.
        secret: of the signature; empty for none.
        text: the message.
        mobiles: of people to be called by name; 飞书 cannot.
        now: for the signature.
    """
    if kind is ChannelKind.WECOM:
        said = {"content": clipped(text, WECOM_BYTES), "mentioned_mobile_list": list(mobiles)}
        return _json(url, {"msgtype": "text", "text": said})
    if kind is ChannelKind.DINGTALK:
        # Calling by name works only where the number stands in the text as well.
        called = " ".join(f"@{mobile}" for mobile in mobiles)
        body = {"msgtype": "text", "text": {"content": f"{text}\n{called}".rstrip()}}
        signed = _dingtalk_signed(url, secret, now) if secret else url
        return _json(signed, body | {"at": {"atMobiles": list(mobiles), "isAtAll": False}})
    message: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    if secret:
        stamp = str(int(now.timestamp()))
        sign = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
        message = {"timestamp": stamp, "sign": base64.b64encode(sign).decode(), **message}
    return _json(url, message)


def check_robots_answer(kind: ChannelKind, body: bytes) -> None:
    """A robot answers 200 whatever happens; what counts is the code within.

    Raises:
        NotSent: the code is not 0, or there is none.
    """
    name = "code" if kind is ChannelKind.FEISHU else "errcode"
    try:
        said = json.loads(body)
        code = said.get(name, said.get("StatusCode"))
        words = str(said.get("errmsg", said.get("msg", "")))
    except (ValueError, AttributeError) as error:
        raise NotSent(Fault.ANSWERED_BADLY, "no JSON", again=True) from error
    if code == 0 and code is not False:
        return
    busy = code in _BUSY[kind]
    fault = Fault.ANSWERED_BADLY if busy or code is None else Fault.NOT_ACCEPTED
    raise NotSent(
        fault, f"{name} {code}: {words}", again=busy or code is None, after_s=60.0 if busy else None
    )


def clipped(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, cut between characters."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore") + "…"


def _dingtalk_signed(url: str, secret: str, now: datetime) -> str:
    stamp = str(round(now.timestamp() * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    sign = quote_plus(base64.b64encode(digest))
    return f"{url}{'&' if '?' in url else '?'}timestamp={stamp}&sign={sign}"


def _json(url: str, body: Mapping[str, Any]) -> Post:
    return Post(url, json.dumps(body, ensure_ascii=False).encode())
