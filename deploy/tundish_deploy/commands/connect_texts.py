"""What `tundish connect` says, each text as (Chinese, English)."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["zh", "en"]
Text = tuple[str, str]

OFFERS: Final[Text] = ("服务器提供:", "The server offers:")
CHOSEN: Final[Text] = ("选用 {policy}/{mode}。", "Chosen: {policy}/{mode}.")
CLEAR: Final[Text] = (
    "服务器未提供所需的加密方式;明文连接的密码和数据可被旁人读取,若确要使用,请加 --security None。",
    (
        "The server offers no such encryption. In clear text others can read passwords and values; add "
        "--security None if that is meant."
    ),
)
FOREIGN: Final[Text] = (
    (
        "本机尚未信任该服务器的证书:\n  SHA-256 {fingerprint}\n  应用 URI {uri}\n"
        "请在服务器或设备铭牌上核对指纹;不一致时可能有人冒充该服务器。"
    ),
    (
        "This machine does not trust the server's certificate yet:\n  SHA-256 {fingerprint}\n"
        "  application URI {uri}\nCompare it at the server or in the machine's papers; another one may mean "
        "that somebody poses as the server."
    ),
)
SAME: Final[Text] = ("指纹一致,信任该证书?", "Is it the same? Then it is trusted from now on.")
OTHER: Final[Text] = (
    "指纹与 --trust-fingerprint 不一致,未建立连接。",
    "This is not the fingerprint given with --trust-fingerprint; nothing was connected.",
)
TRUSTED: Final[Text] = ("已信任,存于 {file}", "Trusted; kept in {file}")
OWN: Final[Text] = (
    "本机证书(服务器也需要信任它):\n  文件 {file}\n  SHA-256 {fingerprint}\n  有效期至 {until}",
    (
        "This machine's certificate, which the server has to trust in turn:\n  file {file}\n"
        "  SHA-256 {fingerprint}\n  valid until {until}"
    ),
)
AGAIN: Final[Text] = ("处理后重试?", "Try again once that is done?")
FOUND: Final[Text] = (
    "找到 {found} 个变量,待查看 {waiting} 个节点",
    "{found} variables, {waiting} nodes still to see",
)
MACHINE: Final[Text] = (
    "设备  {path}:{type}({specification}),{variables} 个变量",
    "machine  {path}: {type} ({specification}), {variables} variables",
)
KIT: Final[Text] = (
    "产线套件  {kit}:{found}/{expected} 个信号,位于 {line} (POST …/kits/{kit} 可建立名称与报警规则)",
    "line kit  {kit}: {found} of {expected} signals at {line} (POST …/kits/{kit} plans names and alarms)",
)
MEANINGS: Final[Text] = (
    "已识别语义 {number} 个变量:{kinds}",
    "The meaning of {number} variables is known: {kinds}",
)
UNUSED: Final[Text] = ("未匹配任何变量的规则:{rules}", "Rules that fit no variable: {rules}")
UNUSABLE: Final[Text] = ("不可用 {path}:{reason}", "not usable  {path}: {reason}")
START: Final[Text] = (
    "为租户 {tenant} 采集 {variables} 个变量?",
    "Collect {variables} variables for tenant {tenant}?",
)
SAVED: Final[Text] = (
    "已写入 {file};以后用 tundish up 运行。",
    "Written into {file}; tundish up runs it from now on.",
)
RUNS: Final[Text] = ("开始采集,Ctrl-C 停止。", "Collecting; Ctrl-C stops it.")
DOCTOR: Final[Text] = (
    "逐步诊断:tundish doctor {url}",
    "`tundish doctor {url}` goes through it step by step.",
)


def say(text: Text, language: Language, **filled: object) -> str:
    """A text in one language, its places filled."""
    return text[0 if language == "zh" else 1].format(**filled)
