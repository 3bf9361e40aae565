"""Classifies what asyncua and the network raise, with texts for people."""

from __future__ import annotations

import struct

from asyncua import ua
from asyncua.common.utils import NotEnoughData
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from tundish_connectors.connector import ConnectorError, ErrorKind

# What asyncua's decoders raise on bytes that no honest server sends.
MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    AssertionError,
    struct.error,
    NotEnoughData,
)
_LOGIN = {
    StatusCodes.BadUserAccessDenied,
    StatusCodes.BadIdentityTokenRejected,
    StatusCodes.BadIdentityTokenInvalid,
}
_CERTIFICATE = {
    StatusCodes.BadCertificateUntrusted,
    StatusCodes.BadCertificateInvalid,
    StatusCodes.BadCertificateUriInvalid,
    StatusCodes.BadCertificateTimeInvalid,
    StatusCodes.BadSecurityChecksFailed,
    StatusCodes.BadSecurityPolicyRejected,
    StatusCodes.BadSecurityModeRejected,
}


class SubscriptionGone(ConnectorError):  # noqa: N818 - a state of the subscription
    """The server has no such subscription any more, or does not serve it; a new one has to be made."""

    def __init__(self, why: str) -> None:
        super().__init__(
            ErrorKind.RETRY,
            f"The subscription at the OPC UA server is gone ({why}). It is made anew by itself; what was "
            "missed is read from the server's history or recorded as a gap.",
            f"OPC UA 服务器上的订阅已失效({why})。系统将自动重建,缺失的数据会从服务器历史中补读,"
            "无法补读的会记录为数据缺口。",
        )


def lost(why: str) -> ConnectorError:
    """The retryable error for a line that has to be opened anew."""
    return ConnectorError(
        ErrorKind.RETRY,
        f"The line to the OPC UA server was lost ({why}). It is opened anew by itself, and what the server "
        "has kept is asked for again.",
        f"与 OPC UA 服务器的连接中断({why})。系统将自动重新连接,并补取服务器保留的数据。",
    )


def clock_stepped(url: str, step_s: float) -> ConnectorError:
    """The word about a server whose clock was set: values go on, but carry the times that it says."""
    return ConnectorError(
        ErrorKind.PARTIAL,
        f"The clock of the OPC UA server at {url} has stepped by {step_s:+.0f} s. Values are kept with the "
        "times that the server gives them, so a stretch of time may be empty or told twice. Check the "
        "server's time synchronisation.",
        f"OPC UA 服务器 {url} 的时钟跳变了 {step_s:+.0f} 秒。数据按服务器给出的时间保存,"
        "因此可能出现一段空白或重叠的时间。请检查服务器的时间同步。",
    )


def classify(error: Exception, url: str) -> ConnectorError:
    """The classified form of an error met while talking to the server at ``url``."""
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, UaStatusCodeError):
        return _refused(error.code, url)
    if "No matching endpoints" in str(error):
        return _no_endpoint(url, str(error))
    return _retry(url, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def interrupted(error: Exception, url: str) -> ConnectorError:
    """The classified form of an error met on a line that stood, which is never fatal.

    A server that let us in a moment ago may say anything about a single message: open62541 calls a wrong
    sequence number BadSecurityChecksFailed. Only opening the line again shows whether it still lets us in.
    """
    found = classify(error, url)
    if found.kind is not ErrorKind.FATAL:
        return found
    name = ua.StatusCode(ua.UInt32(error.code)).name if isinstance(error, UaStatusCodeError) else str(error)
    return lost(name)


def _refused(code: int, url: str) -> ConnectorError:
    name = ua.StatusCode(ua.UInt32(code)).name
    if code in _LOGIN:
        return _login(url, name)
    if code in _CERTIFICATE:
        # open62541 also says so of a line that was torn, so it is tried again, and the person is told.
        vague = code == StatusCodes.BadSecurityChecksFailed
        return _certificate(url, name, ErrorKind.RETRY if vague else ErrorKind.FATAL)
    return _too_many_sessions(url, name) if code == StatusCodes.BadTooManySessions else _retry(url, name)


def _retry(url: str, why: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.RETRY,
        f"The OPC UA server at {url} cannot be used now ({why}). It is tried again by itself; if that "
        "goes on, run the connection doctor.",
        f"暂时无法使用 OPC UA 服务器 {url}({why})。系统会自动重试;若持续出现,请运行连接诊断。",
    )


def _too_many_sessions(url: str, why: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.RETRY,
        f"The OPC UA server at {url} has no session left ({why}). It is tried again by itself, more and more "
        "rarely; close other clients, or have the server allow more sessions.",
        f"OPC UA 服务器 {url} 的会话数已达上限({why})。系统会自动重试,间隔逐渐加长;"
        "请关闭其他客户端,或在服务器上提高会话上限。",
    )


def _login(url: str, why: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.FATAL,
        f"The OPC UA server at {url} refused the login ({why}). Check user name and password, and that the "
        "server allows this kind of login.",
        f"OPC UA 服务器 {url} 拒绝登录({why})。请检查用户名和密码,以及服务器是否允许该登录方式。",
    )


def _certificate(url: str, why: str, kind: ErrorKind) -> ConnectorError:
    return ConnectorError(
        kind,
        f"The OPC UA server at {url} refused the secure channel ({why}). Its administrator has to trust this "
        "gateway's certificate (pki/own in the state folder), or policy and mode do not fit.",
        f"OPC UA 服务器 {url} 拒绝建立安全通道({why})。请服务器管理员信任本网关证书(状态目录 pki/own),"
        "或检查安全策略与模式是否匹配。",
    )


def _no_endpoint(url: str, why: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.FATAL,
        f"The OPC UA server at {url} does not offer the wanted security policy and mode ({why}). Choose one "
        "that it offers; the connection doctor lists them.",
        f"OPC UA 服务器 {url} 不支持所选安全策略与模式({why})。请改用其支持的选项,连接诊断会列出。",
    )
