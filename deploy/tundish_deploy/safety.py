"""What is refused where others than this machine can reach the platform; each refusal names its remedy.

`SettingsError` is about settings that cannot work; these work, and would be found by whoever looks for them.
"""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from tundish_deploy.secrets import secret
from tundish_deploy.serversettings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_deploy.settings import Settings
    from tundish_platform.tenancy.metadata import Metadata

SHARED_KEYS: Final = ("session", "documents", "figures", "channels", "models")
_LEAST_SECRET: Final = 24
_LEAST_PASSWORD: Final = 12
_LEAST_KINDS: Final = 8
_TELLING: Final = ("token", "password", "key", "secret", "credentials", "_url_file")
_HELD: Final = frozenset({"key", "client_secret", "password", "secret", "token"})
# Words that installation guides leave in their examples.
_EXAMPLES: Final = ("changeme", "change-me", "change_me", "password", "passwort", "secret", "tundish",
                    "postgres", "admin", "example", "12345")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unsafe:
    """One thing that is not safe in the open.

    Attributes:
        setting: its key.
        zh, en: what is wrong, and what to do.
    """

    setting: str
    zh: str
    en: str

    def __str__(self) -> str:
        """Both languages, the key once."""
        return f"  {self.setting}: {self.zh}\n    {self.en}"


def is_public(settings: Settings) -> bool:
    """Whether others can reach the platform: on its own address, or through a proxy in front of it."""
    origin = urlsplit(settings.people.origin or "").hostname or "localhost"
    return not settings.server.loopback or settings.server.behind_tls or not is_loopback(origin)


def unsafe(settings: Settings, file: Path | None) -> list[Unsafe]:
    """What of the settings is refused; nothing where only this machine can connect.

    Args:
        settings: of all parts.
        file: where they were read from, if from a file.
    """
    if not is_public(settings):
        return []
    return [*_front(settings), *_database(settings), *_demonstration(settings),
            *_readable(settings, file), *_weak(settings)]  # fmt: skip


def demo_people(metadata: Metadata) -> list[Unsafe]:
    """The same of log-ins that a demonstration made; its data folder must not be put in the open."""
    from sqlalchemy import select

    from tundish_deploy.demo.plan import PLANTS
    from tundish_platform.tenancy.models import User
    from tundish_platform.tenancy.reach import Above

    logins = [login for plant in PLANTS for login in (plant.manager, plant.owner)]
    with metadata.above(Above.OPERATOR).session() as session:
        asked = select(User.login).where(User.login.in_(logins), User.disabled_at.is_(None))
        found = sorted(session.scalars(asked))
    if not found:
        return []
    named = ", ".join(found)
    return [
        Unsafe(
            "data_dir",
            f"其中有演示账号: {named}。请换一个空的数据目录, 演示数据不能用于正式环境。",
            f"it holds people of a demonstration: {named}. Name an empty folder; a demonstration "
            "is not for the open.",
        )
    ]


def told(found: list[Unsafe]) -> str:
    """The refusal in words."""
    head = (
        "平台可被其他机器访问, 以下设置不安全, 因此不启动。\n"
        "Others can reach this platform, and these settings are not safe there, so it does not start:"
    )
    return "\n".join([head, *(str(one) for one in found)])


def _front(settings: Settings) -> Iterator[Unsafe]:
    server, origin = settings.server, urlsplit(settings.people.origin or "")
    if not server.behind_tls:
        yield Unsafe(
            "server.behind_tls",
            "浏览器地址可被他人访问, 但没有 TLS。请在前面放置启用 TLS 的反向代理并设为 true。",
            "the pages have an address that others reach, and no TLS. Put a reverse proxy with TLS in "
            "front and set it to true.",
        )
    if server.proxy is None:
        yield Unsafe(
            "server.proxy",
            "未指明反向代理的地址, 限速会把所有人当作一个人。请填写代理的地址, 同机为 127.0.0.1。",
            "no reverse proxy is named, so limits take everybody for one caller. Name its address, 127.0.0.1 "
            "on the same machine.",
        )
    if origin.scheme != "https" or is_loopback(origin.hostname or "localhost"):
        yield Unsafe(
            "people.origin",
            "必须是浏览器使用的 https 地址, 例如 https://tundish.example。",
            "must be the https address that browsers use, such as https://tundish.example.",
        )
    if settings.people.key is None and settings.people.key_file is None:
        yield Unsafe(
            "people.key_file",
            "没有双因素密钥, 任何人都无法启用双因素。请运行 tundish person key 文件名, 并在此填写该文件。",
            "without it nobody can have a second factor. Make one with: tundish person key FILE, and name "
            "the file here.",
        )
    if settings.log_level.upper() == "DEBUG":
        yield Unsafe(
            "log_level",
            "调试日志会写下请求的内容。请设为 INFO。",
            "debugging writes what is in requests into the logs. Set it to INFO.",
        )


def _database(settings: Settings) -> Iterator[Unsafe]:
    if not settings.database.startswith("sqlite"):
        return
    if settings.server.processes > 1 or settings.store.mode == "cluster":
        yield Unsafe(
            "metadata_url",
            "多个进程共用 SQLite 会互相等待。请改用 PostgreSQL, 或 server.processes = 1。",
            "several processes on SQLite wait for one another. Use PostgreSQL, or server.processes = 1.",
        )


def _demonstration(settings: Settings) -> Iterator[Unsafe]:
    if settings.replay:
        yield Unsafe(
            "replay",
            "回放的是示例数据, 会被当作真实设备。请删除 [[replay]]。",
            "it plays recordings that would be taken for machines. Take [[replay]] away.",
        )
    if (settings.rule_version or "").startswith("demo"):
        yield Unsafe(
            "rule_version",
            "这是演示用的认定规则。请删除此项, 使用正式规则。",
            "these are rules of a demonstration. Take it away for the official ones.",
        )


def _readable(settings: Settings, file: Path | None) -> Iterator[Unsafe]:
    named = dict(_secret_files(settings, ""))
    if file is not None and _holds_secret(tomllib.loads(file.read_text("utf-8")), ""):
        named["--settings"] = file
    for key, path in named.items():
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o007:
            yield Unsafe(
                key,
                f"{path} 可被本机所有用户读写。请运行: chmod o= {path}",
                f"{path} is open to every user of this machine. Run: chmod o= {path}",
            )


def _holds_secret(value: object, name: str) -> bool:
    """Whether a table of the file has a secret in it, not the name of a file for one."""
    if isinstance(value, dict):
        return name != "secrets" and any(_holds_secret(one, key) for key, one in value.items())
    if isinstance(value, list):
        return any(_holds_secret(one, name) for one in value)
    in_address = name in {"metadata_url", "metadata_owner_url"} and urlsplit(str(value)).password is not None
    return in_address or name in _HELD


def _secret_files(section: BaseModel, above: str) -> Iterator[tuple[str, Path]]:
    """Every file that the settings name for a secret, with its key."""
    for name in type(section).model_fields:
        yield from _named_files(getattr(section, name), f"{above}{name}", name)


def _named_files(value: object, key: str, name: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, BaseModel):
        yield from _secret_files(value, f"{key}.")
    elif isinstance(value, dict):
        for inner, one in value.items():
            # `secrets` of a source are named by option, whatever that is called.
            yield from _named_files(one, f"{key}.{inner}", "secret" if name == "secrets" else inner)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _named_files(one, f"{key}.{number}", name)
    elif name == "keys_dir" and isinstance(value, Path):
        yield from ((key, value / f"{one}.key") for one in SHARED_KEYS)
    elif isinstance(value, Path | str) and any(word in name for word in _TELLING):
        yield key, Path(value)


def _weak(settings: Settings) -> Iterator[Unsafe]:
    files = {
        "people.key_file": settings.people.key_file,
        "notices.key_file": settings.notices.key_file,
        "worker.key_file": settings.worker.key_file,
        "worker.token_file": settings.worker.token_file,
    }
    if settings.store.cluster is not None:
        files["store.cluster.secret_key_file"] = settings.store.cluster.secret_key_file
    if settings.keys_dir is not None:
        files |= {f"keys_dir ({one}.key)": settings.keys_dir / f"{one}.key" for one in SHARED_KEYS}
    for key, file in files.items():
        if file is not None:
            yield from _weak_file(key, file)
    for name in ("metadata_url", "metadata_owner_url"):
        parts = urlsplit(getattr(settings, name) or "")
        if parts.password is not None and _guessable(parts.password, parts.username, _LEAST_PASSWORD):
            yield Unsafe(
                name,
                "数据库密码是默认值或太弱。请换成至少 12 个字符的随机密码。",
                "the database's password is a default or weak. Take a random one of 12 characters or more.",
            )


def _weak_file(key: str, file: Path) -> Iterator[Unsafe]:
    try:
        text = secret(file).get_secret_value()
    except OSError as error:
        yield Unsafe(
            key,
            f"{file} 无法读取 ({error.strerror})。请用 tundish init 生成, 或更正路径。",
            f"{file} cannot be read ({error.strerror}). tundish init makes it; or mend the path.",
        )
        return
    if _guessable(text, None, _LEAST_SECRET):
        yield Unsafe(
            key,
            f"{file} 中是默认值或太弱的密钥。请换成随机值, 例如 openssl rand -base64 36。",
            f"{file} holds a default or weak secret. Take a random one, say: openssl rand -base64 36.",
        )


def _guessable(text: str, user: str | None, least: int) -> bool:
    plain = text.lower()
    short = len(text) < least or len(set(text)) < _LEAST_KINDS
    # A long random text may hold a short word by chance; one that is little more than it does not.
    example = any(word in plain and len(plain) < least + len(word) for word in _EXAMPLES)
    return short or example or (user is not None and plain == user.lower())
