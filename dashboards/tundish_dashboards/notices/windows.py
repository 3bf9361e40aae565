"""Planned maintenance on the alarm settings' page: where, from when, for how long, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import html
from pydantic import ValidationError

from tundish_dashboards import components
from tundish_dashboards.notices.fields import invalid
from tundish_dashboards.people.places import place_name, place_names
from tundish_dashboards.theme import Tone
from tundish_platform.alarms.maintenance import (
    TooManyWindows,
    UnknownWindow,
    WindowSpec,
    end_maintenance,
    list_maintenance,
    plan_maintenance,
)
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.people.places import Names
    from tundish_platform.alarms.maintenance import Window

HOURS: Final = ("1", "2", "4", "8", "24", "72", "168", "744")
_PATTERN: Final = "%Y-%m-%d %H:%M"
_SHOWN: Final = 30


def window_form(view: TenantView) -> Component:
    """Fields of a new window; its start is on the plant's clock."""
    t, names = view.t, place_names(view, machines=True)
    places = [{"value": path, "label": name} for path, name in names.items()]
    hours = [{"value": one, "label": t("span.hours", n=one)} for one in HOURS]
    start = utc_now().astimezone(view.formats.zone).strftime(_PATTERN)
    return html.Div(
        [
            # Nothing is chosen at first: nobody should silence a whole site by not choosing.
            dmc.Select(
                id="window-path", label=t("people.place"), data=places, searchable=True,
                value=None, nothingFoundMessage=t("people.no_place"),
            ),
            dmc.TextInput(id="window-start", label=t("notice_field.starts_at"), value=start),
            dmc.Select(
                id="window-hours", label=t("notice_field.hours"), data=hours, value="4", allowDeselect=False
            ),
            dmc.TextInput(id="window-reason", label=t("notice_field.reason"), value="", autoComplete="off"),
            dmc.Button(t("notices.plan"), id="window-plan", size="sm"),
        ],
        className="form",
    )  # fmt: skip


def window_list(view: TenantView) -> Component:
    """Windows that are or will be, and those that are over behind a fold."""
    names, now = place_names(view, machines=True), utc_now()
    with view.context.metadata.session() as session:
        found = list_maintenance(session, view.scope, limit=_SHOWN)
    ahead = [_window(view, names, one, now) for one in found if one.ends_at > now]
    over = [_window(view, names, one, now) for one in found if one.ends_at <= now]
    listed = components.entries(ahead) if ahead else html.P(view.t("notices.no_windows"), className="muted")
    past = (
        components.more(view.t("notices.windows_over", n=len(over)), components.entries(over))
        if over
        else None
    )
    return html.Div([listed, past])


def _window(view: TenantView, names: Names, one: Window, now: datetime) -> Component:
    t, moment = view.t, view.formats.moment
    state = "over" if one.ends_at <= now else "on" if one.starts_at <= now else "ahead"
    tone = {"over": Tone.QUIET, "on": Tone.NOTICE, "ahead": Tone.GOOD}[state]
    facts = [
        f"{moment(one.starts_at, seconds=False)} – {moment(one.ends_at, seconds=False)}",
        one.reason,
        t("notices.planned_by", by=one.made_by),
        t("notices.ended_by", by=one.ended_by) if one.ended_by else "",
    ]
    place = place_name(view, names, one.path)
    end = components.quiet(
        t("notices.end_window"),
        {"role": "window-end", "number": one.id},
        f"{t('notices.end_window')}: {place}",
    )
    head = [html.Strong(place), components.status(tone, t(f"window_state.{state}"))]
    return components.entry(head, facts, [] if state == "over" else [end])


def plan_window(view: TenantView, path: str, start: str, hours: str, reason: str) -> tuple[bool, Component]:
    """Plan a window; whether it could be, and what to say of it."""
    t = view.t
    try:
        begins = datetime.strptime(start.strip(), _PATTERN).replace(tzinfo=view.formats.zone)
    except ValueError:
        return False, components.notice(Tone.BAD, t("notices.invalid"), t("notice_field.starts_at"))
    ends = begins + timedelta(hours=int(hours))
    try:
        spec = WindowSpec(path=path, starts_at=begins, ends_at=ends, reason=reason.strip())
        with view.context.metadata.session() as session:
            plan_maintenance(session, view.scope, spec, utc_now())
    except ValidationError as error:
        return False, invalid(view, error)
    except TooManyWindows:
        return False, components.notice(Tone.BAD, t("notices.too_many_windows"), "")
    return True, components.done(t("notices.planned"))


def end_window(view: TenantView, number: int) -> Component:
    """End a window now."""
    try:
        with view.context.metadata.session() as session:
            end_maintenance(session, view.scope, number, utc_now())
    except UnknownWindow:
        return components.notice(Tone.BAD, view.t("notices.changed_meanwhile"), "")
    return components.done(view.t("notices.window_ended"))
