"""Handing a claimed message to its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.alarms.notify.channels import ChannelKind
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.alarms.notify.mail import MailServer, hand_in, letter
from tundish_platform.alarms.notify.posting import post
from tundish_platform.alarms.notify.robots import check_robots_answer, clipped, robot, webhook

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_platform.alarms.notify.addresses import Allowed
    from tundish_platform.alarms.notify.sending import Outgoing

# The shortest that a robot takes; room for the key, which stands at the end.
_ROBOT_TEXT = 1900


def send(out: Outgoing, allowed: Allowed, timeout: float, now: datetime) -> None:
    """Send once.

    Args:
        out: a claimed message.
        allowed: private networks that may be reached.
        timeout: seconds for all of it.
        now: for dates and signatures.

    Raises:
        NotSent: it did not arrive.
    """
    if out.wrong is not None:
        raise NotSent(out.wrong, again=False)
    if out.channel is ChannelKind.MAIL:
        _send_mail(out, allowed, timeout, now)
    elif out.channel is ChannelKind.WEBHOOK:
        message = {
            "type": f"alarm.{out.kind}", "timestamp": now.isoformat(), "id": out.key, "tenant": out.tenant,
            "count": out.count, **out.content,
        }  # fmt: skip
        one = webhook(out.secrets["url"], out.secrets["secret"], out.key, message, now)
        post(one.url, one.body, one.headers, allowed, timeout)
    else:
        text = f"{clipped(out.content['text'], _ROBOT_TEXT)}\n#{out.key}"
        one = robot(out.channel, out.secrets["url"], out.secrets["secret"], text, out.mobiles, now)
        check_robots_answer(out.channel, post(one.url, one.body, one.headers, allowed, timeout).body)


def _send_mail(out: Outgoing, allowed: Allowed, timeout: float, now: datetime) -> None:
    if not out.mails:
        raise NotSent(Fault.NO_RECIPIENTS, again=False)
    given = out.settings
    server = MailServer(
        given["host"], given["port"], given["security"], given["user"], out.secrets["password"]
    )
    message = letter(
        sender=given["sender"], to=out.mails, subject=out.content["subject"], text=out.content["text"],
        key=out.key, now=now,
    )  # fmt: skip
    hand_in(server, message, out.mails, allowed, timeout)
