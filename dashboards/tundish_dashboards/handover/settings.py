"""The shift plan of a place on the hand-over page: its shifts, what is measured, and who gets the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment
from tundish_dashboards.handover.data import choose
from tundish_dashboards.theme import Tone
from tundish_platform.alarms.notify import ChannelKind, list_channels, list_contacts
from tundish_platform.handover import (
    HandoverRefused,
    PlanChanged,
    ShiftPlanSpec,
    list_mails,
    list_plans,
    set_plan,
)
from tundish_platform.handover.mailing import MailState
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component
    from sqlalchemy.orm import Session

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.handover.data import Choice
    from tundish_platform.handover import ShiftPlanView, ShiftSpec

_MAILS: Final = 10
_LONG: Final = 400
_FIELDS: Final = ("zone", "ideal_s", "target", "state", "total", "rejects")
_NUMBERS: Final = frozenset({"ideal_s", "target"})
_TONES: Final = {MailState.SENT: Tone.GOOD, MailState.WAITING: Tone.NOTICE, MailState.DEAD: Tone.BAD}
# code; Chinese name; English name; 08:00-20:00; breaks; days
_SPAN: Final = re.compile(r"(\d\d:\d\d)\s*[-–]\s*(\d\d:\d\d)")


def settings_panels(view: TenantView, choice: Choice) -> list[Component]:
    """For who may configure anything here: the plan, and the log of mails."""
    if Permission.CONFIGURE not in view.person.principal.permissions(view.scope.slug):
        return []
    t = view.t
    return [
        components.panel(
            t("handover.plan"),
            [
                html.P(t("handover.plan_words"), className="muted"),
                html.Div(plan_form(view, choice), id="handover-plan"),
                html.Div(id="handover-plan-message", role="status", **components.announced()),
                dmc.Button(t("handover.plan_save"), id="handover-plan-save", size="sm", mt="sm"),
            ],
        ),
        components.panel(t("handover.mails"), html.Div(mail_log(view), id="handover-mails")),
    ]


def plan_form(view: TenantView, choice: Choice) -> list[Component]:
    """The fields, filled with the place's own plan."""
    t, plan = view.t, choice.planned.plan if choice.planned else None
    told = {name: _told(plan, name) for name in _FIELDS}
    fields = [
        dmc.TextInput(id=f"handover-{name}", label=t(f"handover.field_{name}"), value=told[name])
        for name in _FIELDS
    ]
    shifts = "\n".join(_line(shift) for shift in plan.shifts) if plan else ""
    return [
        *comment("handover-shifts", t("handover.shifts"), 2_000, 4),
        html.P(t("handover.shifts_how"), className="muted"),
        html.Div(fields, className="form"),
        html.Div(_mail_fields(view, plan), className="form"),
        # The text area is filled by its value, which the shared helper leaves empty.
        html.Div(shifts, id="handover-shifts-kept", hidden=True),
        html.Div(str(plan.version if plan else 0), id="handover-version", hidden=True),
    ]


def mail_log(view: TenantView) -> Component:
    """The newest mails, and what became of them."""
    t = view.t
    try:
        view.scope.places(Permission.CONFIGURE)
        with view.context.metadata.session() as session:
            found = list_mails(session, view.scope, limit=_MAILS)
    except AccessDenied:
        found = []
    if not found:
        return components.nothing(t("handover.no_mails"), t("handover.no_mails_then"))
    rows = [
        [
            view.formats.moment(one.made_at, seconds=False),
            html.Div(
                [one.path, html.Div(view.formats.moment(one.starts_at, seconds=False), className="muted")]
            ),
            t("handover.edition", n=one.number),
            str(one.person),
            html.Div(
                [
                    components.status(_TONES[one.state], t(f"handover.mail_{one.state}")),
                    html.Div(t.of(one.fault_zh, one.fault_en), className="muted"),
                ]
            ),
            str(one.attempts),
        ]
        for one in found
    ]
    keys = ("mail_at", "mail_shift", "mail_edition", "mail_person", "mail_state", "mail_attempts")
    return components.table([t(f"handover.{key}") for key in keys], rows, t("handover.mails"))


def register_settings(pages: Pages) -> None:
    """Following the place, and saving."""

    @pages.on_tenant(
        Output("handover-plan", "children"),
        Output("handover-shifts", "value"),
        Input("handover-place", "value"),
        State("handover-shift", "value"),
        permission=Permission.CONFIGURE,
    )
    def follow(view: TenantView, place: object, shift: object) -> tuple[Any, ...]:
        choice = choose(view, place, shift)
        plan = choice.planned.plan if choice.planned else None
        return plan_form(view, choice), "\n".join(_line(one) for one in plan.shifts) if plan else ""

    @pages.on_tenant(
        Output("handover-plan-message", "children"),
        Output("handover-version", "children"),
        Input("handover-plan-save", "n_clicks"),
        State("handover-place", "value"),
        State("handover-version", "children"),
        State("handover-shifts", "value"),
        *(State(f"handover-{name}", "value") for name in _FIELDS),
        State("handover-channel", "value"),
        State("handover-people", "value"),
        State("handover-language", "value"),
        State("handover-after", "value"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def save(view: TenantView, clicks: object, place: object, version: object, *said: object) -> object:
        if not clicks:
            return no_update, no_update
        t = view.t
        try:
            spec = _spec(wishes.word(place, "the place", _LONG), said)
            known = int(wishes.word(version, "the version", 9) or "0")
            number = wishes.whole(known, "the version", 0, 2**31 - 1, 0)
            with view.context.metadata.session() as session:
                spec = _with_kept(view, session, spec, mail=said[-4] is None)
                made = set_plan(session, view.scope, spec, number, utc_now())
        except HandoverRefused as refused:
            return components.refused(t, refused), no_update
        except PlanChanged:
            return components.notice(Tone.BAD, t("handover.plan_changed"), ""), no_update
        except AccessDenied:
            return components.notice(Tone.BAD, t("handover.gone"), ""), no_update
        except (ValidationError, ValueError) as wrong:
            first = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else str(wrong)
            return components.notice(Tone.BAD, t("handover.plan_wrong"), first), no_update
        return components.done(t("handover.plan_saved")), str(made.version)


def _with_kept(view: TenantView, session: Session, spec: ShiftPlanSpec, *, mail: bool) -> ShiftPlanSpec:
    """The plan with what the form does not show: other days, and the mail for who may not see the people."""
    kept = next((one for one in list_plans(session, view.scope) if one.path == spec.path), None)
    if kept is None:
        return spec
    names = {"exceptions", "mail"} if mail else {"exceptions"}
    return ShiftPlanSpec.model_validate(spec.model_dump() | kept.model_dump(include=names))


def _mail_fields(view: TenantView, plan: ShiftPlanView | None) -> list[Component]:
    t, mail = view.t, plan.mail if plan else None
    channels: list[dict[str, str]] = []
    people: list[dict[str, str]] = []
    seen = view.may(Permission.CONFIGURE) and view.scope.signals is None
    if seen:
        with view.context.metadata.session() as session:
            channels = [
                {"value": str(one.id), "label": one.name}
                for one in list_channels(session, view.scope)
                if one.kind is ChannelKind.MAIL
            ]
            people = [
                {"value": str(one.user), "label": f"{one.name} <{one.mail}>"}
                for one in list_contacts(session, view.scope)
                if one.mail and one.member
            ]
    none = {"value": "0", "label": t("handover.no_mail")}
    return [
        dmc.Select(
            id="handover-channel", label=t("handover.field_channel"), data=[none, *channels],
            value=(str(mail.channel) if mail else "0") if seen else None, allowDeselect=False,
        ),
        dmc.MultiSelect(
            id="handover-people", label=t("handover.field_people"), data=people,
            value=[str(number) for number in mail.people] if mail else [],
        ),
        dmc.Select(
            id="handover-language", label=t("handover.field_language"), allowDeselect=False,
            data=[{"value": one, "label": t(f"handover.in_{one}")} for one in ("zh", "en")],
            value=mail.language if mail else "zh",
        ),
        dmc.TextInput(
            id="handover-after", label=t("handover.field_after"), value=str(mail.after_min if mail else 10)
        ),
    ]  # fmt: skip


def _spec(path: str, said: Sequence[object]) -> ShiftPlanSpec:
    shifts, *fields = said
    words = [wishes.word(one, "a field", _LONG).strip() for one in fields[: len(_FIELDS)]]
    given: dict[str, Any] = {"path": path, "shifts": [_shift(line) for line in _lines(shifts)]}
    for name, value in zip(_FIELDS, words, strict=True):
        if value:
            given[name] = float(value) if name in _NUMBERS else value
    channel, people, language, after = fields[len(_FIELDS) :]
    number = wishes.whole(int(wishes.word(channel, "the channel", 12) or "0"), "the channel", 0, 2**31 - 1, 0)
    if number:
        given["mail"] = {
            "channel": number, "people": wishes.numbers(people, "the people", 50),
            "language": wishes.one_of(language, "the language", ("zh", "en"), "zh"),
            "after_min": int(wishes.word(after, "the minutes", 6) or "10"),
        }  # fmt: skip
    return ShiftPlanSpec.model_validate(given)


def _lines(text: object) -> list[str]:
    return [line.strip() for line in wishes.word(text, "the shifts", 2_000).splitlines() if line.strip()]


def _shift(line: str) -> dict[str, Any]:
    """A line of the form ``code; 白班; Day; 08:00-20:00; 12:00-12:30; 1234567``.

    Raises:
        ValueError: it is of another form.
    """
    parts = [part.strip() for part in line.replace("；", ";").split(";")]
    if not 4 <= len(parts) <= 6 or not (span := _SPAN.fullmatch(parts[3])):  # noqa: PLR2004 - see above
        raise ValueError(line)
    breaks, days = [*parts[4:], "", ""][:2]
    return {
        "code": parts[0], "name_zh": parts[1], "name_en": parts[2], "begins": span[1], "ends": span[2],
        "breaks": _SPAN.findall(breaks), "days": [int(day) for day in days or "1234567"],
    }  # fmt: skip


def _line(shift: ShiftSpec) -> str:
    breaks = " ".join(f"{low}-{high}" for low, high in shift.breaks)
    days = "".join(str(day) for day in shift.days)
    span = f"{shift.begins}-{shift.ends}"
    return f"{shift.code}; {shift.name_zh}; {shift.name_en}; {span}; {breaks}; {days}"


def _told(plan: ShiftPlanView | None, name: str) -> str:
    value = getattr(plan, name) if plan else None
    return "" if value is None else f"{value:g}" if name in _NUMBERS else str(value)
