"""Channels of a tenant: where messages about alarms go. Secrets come in and are never shown again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_validator
from sqlalchemy import func, select, update

from tundish_platform.alarms.notify.models import NoticeChannel
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.alarms.notify.vault import Vault
    from tundish_platform.tenancy import TenantScope

MAX_CHANNELS: Final = 200

_Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Mail = Annotated[str, Field(max_length=254, pattern=r"^[^\s@<>\x00-\x1f,;:]{1,64}@[A-Za-z0-9.-]{1,189}$")]
"""A plain mail address; no display name, no line breaks that could end a header."""


class ChannelKind(StrEnum):
    """Ways to reach people."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


class UnknownChannel(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such channel."""


class ChannelChanged(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Somebody else changed the channel since it was read."""


class ChannelRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The channel cannot be kept.

    Attributes:
        message_zh, message_en: why.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class _Common(BaseModel):
    """What every channel has.

    Attributes:
        language: of its messages.
        per_minute: messages at most, over some minutes; robots of chat groups allow 20.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Line
    language: Literal["zh", "en", "both"] = "zh"
    per_minute: Annotated[int, Field(ge=1, le=60)] = 12
    enabled: bool = True


class MailSpec(_Common):
    """Mail by SMTP.

    Attributes:
        security: ``starttls`` on the submission port, ``tls`` from the first byte, or none inside a plant.
        sender: address the messages come from.
        recipients: who always gets them; people and roles of a step come on top.
    """

    kind: Literal[ChannelKind.MAIL]
    host: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    password: SecretStr = SecretStr("")
    sender: Mail
    recipients: Annotated[tuple[Mail, ...], Field(max_length=50)] = ()


class _Posted(_Common):
    """What is posted to an address; the address itself lets anybody post, so it is a secret, too."""

    url: SecretStr

    @field_validator("url")
    @classmethod
    def _check(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        parts = urlsplit(text)
        fine = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
        if not fine or len(text) > 2000 or not text.isascii() or not text.isprintable() or " " in text:  # noqa: PLR2004 - as browsers
            raise ValueError("must be an http(s) address without a user name")
        _ = parts.port
        return url


class WebhookSpec(_Posted):
    """A program that takes a signed JSON message.

    Attributes:
        secret: signs it; without one nobody can tell that it came from here.
    """

    kind: Literal[ChannelKind.WEBHOOK]
    secret: Annotated[SecretStr, Field(min_length=16, max_length=200)]


class RobotSpec(_Posted):
    """A robot in a chat group of 企业微信, 钉钉 or 飞书.

    Attributes:
        secret: of the robot's signature (加签, 签名校验); 企业微信 has none.
    """

    kind: Literal[ChannelKind.WECOM, ChannelKind.DINGTALK, ChannelKind.FEISHU]
    secret: Annotated[SecretStr, Field(max_length=200)] = SecretStr("")


ChannelSpec = Annotated[MailSpec | WebhookSpec | RobotSpec, Field(discriminator="kind")]
SPEC: Final[TypeAdapter[MailSpec | WebhookSpec | RobotSpec]] = TypeAdapter(ChannelSpec)
_SECRET: Final = ("url", "secret", "password")


class Channel(BaseModel):
    """A channel as it may be shown.

    Attributes:
        settings: without secrets; of an address only its host.
    """

    id: int
    kind: ChannelKind
    name: str
    settings: dict[str, Any]
    enabled: bool
    version: int
    changed_by: str
    changed_at: datetime


def create_channel(
    session: Session,
    scope: TenantScope,
    vault: Vault,
    spec: MailSpec | WebhookSpec | RobotSpec,
    now: datetime,
) -> Channel:
    """Make a channel.

    Raises:
        AccessDenied: the scope may not configure.
        ChannelRefused: there are `MAX_CHANNELS` already.
    """
    may_configure(scope)
    held = session.scalar(select(func.count()).where(NoticeChannel.tenant_id == scope.tenant_id)) or 0
    if held >= MAX_CHANNELS:
        raise ChannelRefused(
            f"通知渠道数量已达上限 {MAX_CHANNELS}。", f"There are {MAX_CHANNELS} channels already."
        )
    row = NoticeChannel(
        tenant_id=scope.tenant_id, version=1, booked_until=None, changed_by=scope.principal, changed_at=now,
        **_columns(scope, vault, spec),
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "notice_channel.made", f"channel/{row.id}", now, _shown(spec))
    return _channel(row)


def change_channel(
    session: Session, scope: TenantScope, vault: Vault, channel_id: int, version: int,
    spec: MailSpec | WebhookSpec | RobotSpec, now: datetime,
) -> Channel:  # fmt: skip
    """Put another specification, secrets included, in place of the one of ``version``.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownChannel: the tenant has no such channel.
        ChannelChanged: somebody changed it since.
    """
    return _changed(
        session, scope, channel_id, version, now, "notice_channel.changed", _shown(spec),
        **_columns(scope, vault, spec),
    )  # fmt: skip


def enable_channel(
    session: Session, scope: TenantScope, channel_id: int, version: int, now: datetime, *, enabled: bool
) -> Channel:
    """Switch a channel off, or on again; what waits for one that is off is given up.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownChannel: the tenant has no such channel.
        ChannelChanged: somebody changed it since.
    """
    done = "notice_channel.enabled" if enabled else "notice_channel.disabled"
    return _changed(session, scope, channel_id, version, now, done, {}, enabled=enabled)


def list_channels(
    session: Session, scope: TenantScope, *, after: int = 0, limit: int = 1_000
) -> list[Channel]:
    """Channels by number, a page at a time, without their secrets.

    Raises:
        AccessDenied: the scope may not configure: addresses of people stand in them.
    """
    may_configure(scope)
    rows = session.scalars(
        select(NoticeChannel)
        .where(NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id > after)
        .order_by(NoticeChannel.id)
        .limit(limit)
    )
    return [_channel(row) for row in rows]


def channel_row(session: Session, scope: TenantScope, channel_id: int) -> NoticeChannel:
    """The row of a channel.

    Raises:
        UnknownChannel: the tenant has no such channel.
    """
    row = session.scalar(
        select(NoticeChannel).where(
            NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == channel_id
        )
    )
    if row is None:
        raise UnknownChannel(channel_id)
    return row


def may_configure(scope: TenantScope) -> None:
    """Raise `AccessDenied` unless the scope may configure, and all signals."""
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()


def _changed(
    session: Session, scope: TenantScope, channel_id: int, version: int, now: datetime, action: str,
    detail: dict[str, Any], **values: object,
) -> Channel:  # fmt: skip
    may_configure(scope)
    row = channel_row(session, scope, channel_id)
    changed = session.scalar(
        update(NoticeChannel)
        .where(
            NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == channel_id,
            NoticeChannel.version == version,
        )
        .values(version=version + 1, changed_by=scope.principal, changed_at=now, **values)
        .returning(NoticeChannel.id)
    )  # fmt: skip
    if changed is None:
        raise ChannelChanged(channel_id)
    session.refresh(row)
    record_of(session, scope, action, f"channel/{channel_id}", now, detail)
    return _channel(row)


def _columns(scope: TenantScope, vault: Vault, spec: MailSpec | WebhookSpec | RobotSpec) -> dict[str, object]:
    secrets = {name: getattr(spec, name).get_secret_value() for name in _SECRET if hasattr(spec, name)}
    settings = {
        name: value for name, value in _shown(spec).items() if name not in {"kind", "name", "enabled"}
    }
    return {
        "kind": spec.kind.value, "name": spec.name, "enabled": spec.enabled, "settings": settings,
        "secrets": vault.seal(scope.tenant_id, secrets),
    }  # fmt: skip


def _shown(spec: MailSpec | WebhookSpec | RobotSpec) -> dict[str, Any]:
    shown = spec.model_dump(mode="json", exclude=set(_SECRET))
    if not isinstance(spec, MailSpec):
        shown["host"] = urlsplit(spec.url.get_secret_value()).hostname
        shown["signed"] = bool(spec.secret.get_secret_value())
    return shown


def _channel(row: NoticeChannel) -> Channel:
    return Channel(**{name: getattr(row, name) for name in Channel.model_fields})
