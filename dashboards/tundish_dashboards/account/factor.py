"""The second factor on a person's own page: none, offered with a QR code, standing with recovery codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_mantine_components as dmc
import segno
from dash import html, no_update

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.people.account import has_password
from tundish_platform.people.factors import confirm, enrol, factor_state, remove_own_factor
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy.accounts import verify_password
from tundish_platform.tenancy.passwords import LoginRefused, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.account.own import Own
    from tundish_platform.people.factors import Enrolment

    # What the section and the message above it become.
    Changed = tuple[object, Component | None]

_FEW = 3


def factor_section(own: Own) -> Component:
    """How the second factor stands, and what can be done about it."""
    with own.metadata.session() as session:
        state, asked = factor_state(session, own.id), has_password(session, own.id)
    if state.confirmed:
        return _standing(own, state.codes_left)
    if not asked:
        return components.nothing(own.t("factor.provider"), own.t("factor.provider_then"))
    if own.people.key is None:
        return components.nothing(own.t("factor.no_key"), own.t("factor.no_key_then"))
    return _none(own)


def _none(own: Own) -> Component:
    t = own.t
    return html.Div(
        [
            html.P([components.status(Tone.QUIET, t("factor.off")), " ", t("factor.off_then")]),
            _asked(own, "factor.password", "start", t("factor.start"), secret=True),
        ]
    )


def _standing(own: Own, codes_left: int) -> Component:
    t = own.t
    words = t("factor.codes_left", n=codes_left)
    return html.Div(
        [
            html.P(components.status(Tone.GOOD, t("factor.on"))),
            html.P(components.status(Tone.NOTICE, words) if codes_left < _FEW else words),
            components.more(
                t("factor.remove_title"),
                html.Div(
                    [
                        html.P(t("factor.remove_words")),
                        _asked(own, "factor.code", "remove", t("factor.remove")),
                    ]
                ),
            ),
        ]
    )


def offered(own: Own, enrolment: Enrolment) -> Component:
    """What the authenticator has to learn, and the field for its first code."""
    t = own.t
    picture = segno.make(enrolment.uri, error="m", micro=False).svg_data_uri(scale=4, border=3)
    secret = " ".join(enrolment.secret[at : at + 4] for at in range(0, len(enrolment.secret), 4))
    return html.Div(
        [
            html.P(t("factor.scan")),
            html.Img(src=picture, alt=t("factor.picture"), className="qr"),
            html.P([t("factor.type"), " ", html.Code(secret, className="code", id="factor-secret")]),
            _asked(own, "factor.first_code", "confirm", t("factor.confirm")),
        ]
    )


def recovery_codes(own: Own, codes: Sequence[str]) -> Component:
    """The recovery codes, this once."""
    t = own.t
    shown = html.Ul([html.Li(html.Code(code, className="code")) for code in codes], className="recovery")
    copy = dmc.CopyButton(
        t("shown.copy"),
        value="\n".join(codes),
        copiedChildren=t("shown.copied"),
        size="xs",
        variant="default",
    )
    done = components.quiet(t("factor.done"), {"role": "factor-do", "do": "done"})
    return components.notice(
        Tone.GOOD,
        t("factor.stands"),
        [html.P(t("factor.keep")), shown, html.Div([copy, done], className="entry-buttons left")],
    )


def _asked(own: Own, label: str, do: str, words: str, *, secret: bool = False) -> Component:
    """One field and its button."""
    field = {"role": "factor-field", "field": do}
    if secret:
        entered = components.password(field, own.t(label), "current-password", own.t("account.show_password"))
    else:
        entered = dmc.TextInput(id=field, label=own.t(label), value="", autoComplete="one-time-code")
    button = dmc.Button(words, id={"role": "factor-do", "do": do}, size="sm")
    return html.Div([entered, button], className="form form-narrow")


def change_factor(own: Own, do: str, entered: str) -> Changed:
    """Do what was asked for: what the section and the message above it show next.

    A refusal leaves the section as it is, or a mistyped code would cost the person a new secret.
    """
    steps: dict[str, Callable[[Own, str], Changed]] = {
        "start": _start,
        "confirm": _confirm,
        "remove": _remove,
    }
    try:
        return steps[do](own, entered) if do in steps else (factor_section(own), None)
    except (LoginRefused, PeopleRefused) as refused:
        return no_update, components.refused(own.t, refused)


def _start(own: Own, password: str) -> Changed:
    login = own.login()
    with own.metadata.session() as session:
        verify_password(session, login, password)
        return offered(own, enrol(session, own.people, own.id, utc_now())), None


def _confirm(own: Own, code: str) -> Changed:
    with own.metadata.session() as session:
        codes = confirm(session, own.people, own.id, code, utc_now())
    return recovery_codes(own, codes), None


def _remove(own: Own, code: str) -> Changed:
    with own.metadata.session() as session:
        remove_own_factor(session, own.people, own.id, code, utc_now())
    return factor_section(own), components.notice(Tone.GOOD, own.t("factor.removed"), "")
