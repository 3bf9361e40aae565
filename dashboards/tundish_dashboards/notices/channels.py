"""Channels on the alarm settings' page, and the log of messages. Secrets go in and never come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html
from pydantic import ValidationError

from tundish_dashboards import components
from tundish_dashboards.notices.fields import choice, framed, invalid, lines, secret, text
from tundish_dashboards.theme import Tone
from tundish_platform.alarms.notify import (
    SPEC,
    ChannelChanged,
    ChannelKind,
    ChannelRefused,
    DeliveryState,
    UnknownChannel,
    change_channel,
    create_channel,
    enable_channel,
    list_channels,
    list_deliveries,
    put_trial,
)
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.alarms.notify import Channel

_LOG_SHOWN: Final = 10
_TONES: Final = {
    DeliveryState.SENT: Tone.GOOD,
    DeliveryState.WAITING: Tone.NOTICE,
    DeliveryState.DEAD: Tone.BAD,
    DeliveryState.VOID: Tone.QUIET,
}


def channel_list(view: TenantView) -> Component:
    """Channels by number, without their secrets."""
    with view.context.metadata.session() as session:
        found = list_channels(session, view.scope)
    if not found:
        return components.nothing(view.t("notices.no_channels"), view.t("notices.no_channels_then"))
    return components.entries([_channel(view, one) for one in found])


def _channel(view: TenantView, one: Channel) -> Component:
    t, said = view.t, one.settings
    head = [
        html.Strong(one.name),
        html.Span(t(f"channel_kind.{one.kind}"), className="tag"),
        components.status(*((Tone.GOOD, t("notices.on")) if one.enabled else (Tone.QUIET, t("notices.off")))),
    ]
    facts = [
        str(said.get("host", "")),
        ", ".join(said.get("recipients", ())),
        t("notices.signed" if said["signed"] else "notices.unsigned") if "signed" in said else "",
        t("notices.per_minute", n=said.get("per_minute", "–")),
        t("notices.changed_by", by=one.changed_by, at=view.formats.moment(one.changed_at, seconds=False)),
    ]
    buttons = [
        components.quiet(t(f"notices.{do}"), _act(do, one.id), f"{t(f'notices.{do}')}: {one.name}")
        for do in ("test", "disable" if one.enabled else "enable")
    ]
    change = {"role": "channel-open", "kind": one.kind.value, "number": one.id}
    buttons.append(components.quiet(t("notices.change"), change, f"{t('notices.change')}: {one.name}"))
    return components.entry(head, facts, buttons)


def _act(do: str, number: int) -> dict[str, Any]:
    return {"role": "channel-do", "do": do, "number": number}


def log(view: TenantView) -> Component:
    """The newest messages and what became of them."""
    with view.context.metadata.session() as session:
        found = list_deliveries(session, view.scope, limit=_LOG_SHOWN)
        names = {one.id: one.name for one in list_channels(session, view.scope)}
    if not found:
        return components.nothing(view.t("notices.no_log"), view.t("notices.no_log_then"))
    t = view.t
    return components.entries(
        [
            components.entry(
                [html.Strong(one.subject or t(f"delivery_kind.{one.kind}")),
                 components.status(_TONES[one.state], t(f"delivery_state.{one.state}"))],
                [names.get(one.channel, ""), view.formats.moment(one.sent_at or one.made_at),
                 t.of(one.fault_zh, one.fault_en)],
            )
            for one in found
        ]
    )  # fmt: skip


def channel_of(view: TenantView, number: int) -> Channel | None:
    """The channel with that number, if there is one."""
    with view.context.metadata.session() as session:
        found = list_channels(session, view.scope, after=number - 1, limit=1) if number else []
    return found[0] if found and found[0].id == number else None


def channel_form(view: TenantView, kind: ChannelKind, channel: Channel | None) -> Component:
    """The form of a new channel, or of one that exists; its secrets are asked for anew."""
    t = view.t
    said = channel.settings if channel else {}
    name = text("channel", "name", t("notice_field.name"), channel.name if channel else "")
    languages = {one: t(f"channel_language.{one}") for one in ("zh", "en", "both")}
    language = choice(
        "channel", "language", t("notice_field.language"), languages, said.get("language", "zh")
    )
    fields = _mail_fields(view, said) if kind is ChannelKind.MAIL else _posted_fields(view, kind)
    title = (
        t("notices.change_of", name=channel.name)
        if channel
        else t("notices.new", kind=t(f"channel_kind.{kind}"))
    )
    words = html.P(t("notices.secrets_anew"), className="muted") if channel else None
    form = framed(view, "channel", title, [name, language, *fields])
    return html.Div([form if words is None else html.Div([words, form])])


def _mail_fields(view: TenantView, said: Mapping[str, Any]) -> list[Component]:
    t = view.t
    security = {one: t(f"channel_security.{one}") for one in ("starttls", "tls", "none")}
    return [
        text("channel", "host", t("notice_field.host"), said.get("host", "")),
        text("channel", "port", t("notice_field.port"), said.get("port", 587)),
        choice("channel", "security", t("notice_field.security"), security, said.get("security", "starttls")),
        text("channel", "user", t("notice_field.user"), said.get("user", "")),
        secret(view, "channel", "password", t("notice_field.password")),
        text("channel", "sender", t("notice_field.sender"), said.get("sender", "")),
        text("channel", "recipients", t("notice_field.recipients"), ", ".join(said.get("recipients", ()))),
    ]


def _posted_fields(view: TenantView, kind: ChannelKind) -> list[Component]:
    fields = [secret(view, "channel", "url", view.t("notice_field.url"))]
    # 企业微信 signs nothing: its address is the secret.
    if kind is not ChannelKind.WECOM:
        fields.append(secret(view, "channel", "secret", view.t("notice_field.secret")))
    return fields


def save_channel(
    view: TenantView, kind: ChannelKind, number: int, version: int, said: Mapping[str, object]
) -> tuple[bool, Component]:
    """Keep a channel; whether it could be, and what to say of it."""
    t, vault, now = view.t, view.context.vault, utc_now()
    if vault is None:
        return False, components.notice(Tone.BAD, t("notices.no_vault"), t("notices.no_vault_then"))
    standing = channel_of(view, number)
    wanted = dict(said) | {"kind": kind, "enabled": standing.enabled if standing else True}
    if standing:
        wanted["per_minute"] = standing.settings["per_minute"]
    if "recipients" in wanted:
        wanted["recipients"] = lines(wanted["recipients"])
    try:
        spec = SPEC.validate_python(wanted)
        with view.context.metadata.session() as session:
            if number:
                change_channel(session, view.scope, vault, number, version, spec, now)
            else:
                create_channel(session, view.scope, vault, spec, now)
    except ValidationError as error:
        return False, invalid(view, error)
    except ChannelRefused as refused:
        return False, components.refused(t, refused)
    except (ChannelChanged, UnknownChannel):
        return False, components.notice(Tone.BAD, t("notices.changed_meanwhile"), "")
    return True, components.done(t("notices.saved"))


def act_on_channel(view: TenantView, do: str, number: int) -> Component:
    """Test a channel, or switch it."""
    standing = channel_of(view, number)
    if standing is None:
        return components.notice(Tone.BAD, view.t("notices.changed_meanwhile"), "")
    now = utc_now()
    try:
        with view.context.metadata.session() as session:
            if do == "test":
                put_trial(session, view.scope, number, now)
            else:
                enable_channel(session, view.scope, number, standing.version, now, enabled=do == "enable")
    except ChannelRefused as refused:
        return components.refused(view.t, refused)
    except (ChannelChanged, UnknownChannel):
        return components.notice(Tone.BAD, view.t("notices.changed_meanwhile"), "")
    return components.done(view.t(f"notices.{do}_done"))
