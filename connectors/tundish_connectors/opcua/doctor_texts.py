"""What the connection doctor says, each text as (Chinese, English)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from tundish_connectors.opcua.endpoints import Offer

Text = tuple[str, str]

NAME: Text = (
    "请检查地址拼写,或改用服务器的 IP 地址。",
    "Check the spelling, or use the server's IP address.",
)
PORT: Text = (
    "请确认服务器已启动、端口正确,防火墙放行该端口。",
    "Make sure that the server runs, the port is right and the firewall lets it through.",
)
ENDPOINTS: Text = (
    "该端口上可能不是 OPC UA 服务器,请检查端口和路径。",
    "Perhaps no OPC UA server listens there. Check port and path.",
)
HOST: Text = (
    "连接仍可使用;若其他客户端失败,请在服务器上修正其主机名设置。",
    "The connection still works; if other clients fail, mend the host name in the server's settings.",
)
POLICIES: Text = (
    "请改用服务器支持的安全策略,或在服务器上启用所需策略。",
    "Choose a policy that the server offers, or enable the wanted one at the server.",
)
CERTIFICATE: Text = (
    "请在服务器上更换有效期内的证书,然后重新信任它。",
    "Give the server a certificate that is valid, then trust that one.",
)
RENEW: Text = (
    "请执行 tundish opcua certificate --action prepare,让服务器信任新证书后再 --action finish。",
    "Run `tundish opcua certificate --action prepare`, let servers trust it, then `--action finish`.",
)
APPLICATION_URI: Text = (
    "证书中的应用 URI 与服务器声明不一致,许多客户端会拒绝连接。请用正确的应用 URI 重新生成服务器证书。",
    (
        "Certificate and server name different application URIs, so many clients refuse it. Make the "
        "server's certificate anew with the URI that the server states."
    ),
)
LOGIN_ADVICE: Text = (
    "请核对账号;若服务器拒绝本机证书,请在服务器上信任 pki/own/cert.der。",
    "Check the user; if the server refuses this machine's certificate, let it trust pki/own/cert.der.",
)
LIMITS: Text = (
    "服务器每次调用允许的数量很小,建立订阅会很慢。若服务器可调,请放宽。",
    "The server allows few operations a call, so setting up is slow. Raise the limit if you can.",
)
STILL: Text = (
    "请检查程序是否运行、传感器是否接好,或这些变量是否只是占位。",
    "See whether the program runs, the sensors are connected, or these are mere placeholders.",
)
NO_CERTIFICATE: Text = ("服务器未提供可读取的证书。", "The server shows no certificate that can be read.")
LOGIN: Text = ("安全通道与会话已建立。", "Secure channel and session were established.")
CLOCK: Text = (
    "请为服务器和网关配置同一时间源(NTP)。源时间以服务器时钟为准,偏差会写入数据。",
    "Give server and gateway the same time source (NTP): source times follow the server's clock.",
)
NO_CLOCK: Text = ("服务器未给出当前时间。", "The server does not tell its time.")
NODES: Text = (
    "请检查账号的读取权限,以及服务器是否公开了变量。",
    "Check the user's rights to read, and whether the server publishes variables at all.",
)
BAD_NODES: Text = (
    "请在服务器或设备侧检查这些变量。",
    "Look after these variables at the server or the device.",
)
KIT: Text = (
    "请检查产线路径与套件是否对应,或在服务器上补齐这些变量。",
    "Check that line and kit belong together, or add these variables at the server.",
)


def _some(names: Sequence[str], named: int) -> str:
    more = f" … (+{len(names) - named})" if len(names) > named else ""
    return ", ".join(names[:named]) + more


def name(host: str, answer: str) -> Text:
    """How a host name resolves."""
    return f"主机名 {host}:{answer}。", f"Host name {host}: {answer}."


def closed(host: str, port: int, why: str) -> Text:
    """A port that cannot be reached."""
    return f"无法连接 {host} 的 TCP 端口 {port}({why})。", f"TCP port {port} of {host} is closed ({why})."


def port_open(host: str, port: int) -> Text:
    """A port that can be reached."""
    return f"{host} 的 TCP 端口 {port} 可连接。", f"TCP port {port} of {host} is open."


def no_endpoints(why: str) -> Text:
    """A server that does not answer GetEndpoints."""
    return f"未返回端点列表({why})。", f"No list of endpoints was returned ({why})."


def endpoints(offers: Sequence[Offer]) -> Text:
    """How many endpoints there are."""
    return f"服务器提供 {len(offers)} 个端点。", f"The server offers {len(offers)} endpoints."


def hosts(found: Sequence[str], wanted: str) -> Text:
    """Host names in the endpoints beside the configured one."""
    joined = ", ".join(found)
    return (
        f"端点中的主机名为 {joined},配置中为 {wanted}。",
        f"The endpoints name the host {joined}, the configuration {wanted}.",
    )


def policies(offers: Sequence[Offer]) -> Text:
    """Offered policies and modes."""
    joined = ", ".join(sorted({f"{one.policy}/{one.mode}" for one in offers}))
    return f"支持的安全策略:{joined}。", f"Offered security: {joined}."


def certificate(first: datetime, last: datetime, days: int) -> Text:
    """Validity of a certificate."""
    return (
        f"证书有效期 {first:%Y-%m-%d} 至 {last:%Y-%m-%d}(剩余 {days} 天)。",
        f"Valid {first:%Y-%m-%d} to {last:%Y-%m-%d} ({days} days left).",
    )


def uris(stated: str | None, expected: str) -> Text:
    """Application URI of the certificate and of the server."""
    return (
        f"证书中的应用 URI 为 {stated or '无'},服务器声明为 {expected or '无'}。",
        f"The certificate names the application URI {stated or 'none'}, the server {expected or 'none'}.",
    )


def still(paths: Sequence[str], watched: int, seconds: float, named: int) -> Text:
    """Measurements that never changed while they were watched."""
    if not paths:
        return f"{seconds:g} 秒内全部测量值都有变化。", f"Every measurement changed within {seconds:g} s."
    some = _some(paths, named)
    return (
        f"{seconds:g} 秒内 {watched} 个测量值中有 {len(paths)} 个从未变化:{some}。",
        f"{len(paths)} of {watched} measurements never changed within {seconds:g} s: {some}.",
    )


def trusted(fingerprint: str) -> Text:
    """The server certificate's fingerprint."""
    return f"服务器证书指纹 SHA-256 {fingerprint}。", f"The server's certificate has SHA-256 {fingerprint}."


def trust(place: Path) -> Text:
    """How to trust a server."""
    return (
        f"请在服务器上核对指纹,一致后把证书放入 {place}。",
        f"Compare the fingerprint at the server; if it is the same, put the certificate into {place}.",
    )


def clock(ahead_s: float) -> Text:
    """How far the server's clock is ahead."""
    return (
        f"服务器时钟与网关相差 {ahead_s:+.1f} 秒。",
        f"The server's clock is {ahead_s:+.1f} s against the gateway's.",
    )


def limits(browse: int | None, read: int | None, items: int | None) -> Text:
    """Stated limits."""
    return (
        f"每次调用上限:浏览 {browse or '未声明'},读取 {read or '未声明'},监视项 {items or '未声明'}。",
        f"Limits per call: browse {browse or '-'}, read {read or '-'}, items {items or '-'} (- unstated).",
    )


def nodes(count: int) -> Text:
    """Usable variables."""
    return f"发现 {count} 个可采集的变量。", f"{count} variables can be collected."


def bad_nodes(bad: Sequence[str], named: int) -> Text:
    """Variables with a bad state."""
    if not bad:
        return "所有变量状态正常。", "All variables are in a good state."
    some = _some(bad, named)
    return f"{len(bad)} 个变量异常:{some}。", f"{len(bad)} variables are amiss: {some}."


def missing(paths: Sequence[str], named: int) -> Text:
    """Signals of the kit that the server lacks."""
    if not paths:
        return "产线套件的信号齐全。", "All signals of the line kit are there."
    some = _some(paths, named)
    return (
        f"缺少套件中的 {len(paths)} 个信号:{some}。",
        f"{len(paths)} signals of the kit are missing: {some}.",
    )
