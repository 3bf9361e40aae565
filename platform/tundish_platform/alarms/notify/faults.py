"""Why a message did not arrive, in words for people."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What went wrong with an attempt."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    UNTRUSTED = "untrusted"
    REDIRECTED = "redirected"
    ANSWERED_BADLY = "answered_badly"
    LOGIN_REFUSED = "login_refused"
    NOT_ACCEPTED = "not_accepted"
    NO_RECIPIENTS = "no_recipients"
    CHANNEL_OFF = "channel_off"
    KEY_LOST = "key_lost"
    OWN_FAILURE = "own_failure"


WORDS: Final[dict[str, tuple[str, str]]] = {
    Fault.TIMEOUT: (
        "对方未在规定时间内应答。请检查地址与网络。",
        "The other side did not answer in time. Check address and network.",
    ),
    Fault.UNREACHABLE: (
        "无法连接对方。请检查地址、端口与网络。",
        "The other side cannot be reached. Check address, port and network.",
    ),
    Fault.FORBIDDEN_ADDRESS: (
        "该地址指向内部网络, 平台不予发送。如确需发送, 请运维人员在设置中放行。",
        "The address leads into an internal network, so nothing is sent. The operator can allow it.",
    ),
    Fault.UNTRUSTED: (
        "加密连接失败或证书不可信。请检查证书与加密方式。",
        "The encrypted connection failed or the certificate is not trusted. Check both.",
    ),
    Fault.REDIRECTED: (
        "对方要求转到其他地址, 平台不予跟随。请填写最终地址。",
        "The other side leads elsewhere, which is not followed. Enter the final address.",
    ),
    Fault.ANSWERED_BADLY: ("对方应答表示失败。", "The other side answered that it failed."),
    Fault.LOGIN_REFUSED: (
        "邮件服务器拒绝登录。请检查用户名与密码。",
        "The mail server refused the log-in. Check user name and password.",
    ),
    Fault.NOT_ACCEPTED: (
        "对方不接受此消息。请检查密钥、签名与收件人。",
        "The other side does not accept the message. Check key, signature and recipients.",
    ),
    Fault.NO_RECIPIENTS: (
        "没有收件人。请在渠道中填写收件人, 或为人员登记邮箱。",
        "There is no recipient. Enter some in the channel, or the people's mail addresses.",
    ),
    Fault.CHANNEL_OFF: ("通知渠道已停用。", "The channel is switched off."),
    Fault.KEY_LOST: (
        "无法解开渠道的密钥。请重新填写密钥或密码。",
        "The channel's secrets cannot be opened. Enter them anew.",
    ),
    Fault.OWN_FAILURE: (
        "平台自身故障, 未能发送。请联系运维人员。",
        "The platform itself failed to send it. Tell the operator.",
    ),
}


class NotSent(Exception):  # noqa: N818 - reads as what it is where it is caught
    """An attempt failed.

    Attributes:
        fault: why.
        detail: what the other side said, without anything secret.
        again: whether trying again makes sense.
        after_s: seconds that the other side asked to wait, if it did.
    """

    def __init__(self, fault: Fault, detail: str = "", *, again: bool, after_s: float | None = None) -> None:
        super().__init__(f"{fault} {detail}".strip())
        self.fault = fault
        self.detail = "".join(c if c.isprintable() else " " for c in detail)[:200]
        self.again = again
        self.after_s = after_s
