"""Escalation policies on the alarm settings' page: who is told when nobody acknowledges an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html
from pydantic import ValidationError

from tundish_dashboards import components
from tundish_dashboards.notices.editor import Editor, Opened
from tundish_dashboards.notices.fields import choice, choices, framed, invalid, listed, text
from tundish_dashboards.people.places import place_name, place_names
from tundish_dashboards.theme import Tone
from tundish_platform.alarms.notify import (
    ChannelRefused,
    PolicyChanged,
    PolicySpec,
    UnknownPolicy,
    change_policy,
    create_policy,
    delete_policy,
    list_channels,
    list_policies,
)
from tundish_platform.samples import AlarmPriority
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.people.places import Names
    from tundish_platform.alarms.notify import Policy

_ROLES: Final = (Role.SHIFT_OPERATOR, Role.ENGINEER, Role.PLANT_MANAGER, Role.OWNER)
_LEAST_ROWS: Final = 3
_ALL: Final = "*"
_MINUTES: Final = ("0", "5", "15", "30", "60", "120", "240", "480", "1440")


def policy_list(view: TenantView) -> Component:
    """Policies by number, with their steps in words."""
    with view.context.metadata.session() as session:
        found = list_policies(session, view.scope)
    if not found:
        return components.nothing(view.t("notices.no_policies"), view.t("notices.no_policies_then"))
    names, channels = place_names(view, machines=True), _channels(view)
    return components.entries([_policy(view, names, channels, one) for one in found])


def _channels(view: TenantView) -> dict[str, str]:
    with view.context.metadata.session() as session:
        return {str(one.id): one.name for one in list_channels(session, view.scope)}


def _policy(view: TenantView, names: Names, channels: Mapping[str, str], one: Policy) -> Component:
    t = view.t
    head = [
        html.Strong(one.name),
        html.Span(place_name(view, names, one.path), className="tag"),
        components.status(*((Tone.GOOD, t("notices.on")) if one.enabled else (Tone.QUIET, t("notices.off")))),
    ]
    steps: list[Any] = []
    for step in one.steps:
        tells = [channels.get(str(number), f"#{number}") for number in step.channels]
        tells += [t(f"role.{role}") for role in step.roles]
        steps.append(html.Li(t("notices.step", n=step.after_minutes, tells=" · ".join(tells))))
    facts = [
        t("notices.from_priority", priority=t(f"alarm_priority.{one.least_priority.name.lower()}")),
        t("notices.changed_by", by=one.changed_by, at=view.formats.moment(one.changed_at, seconds=False)),
    ]
    change = components.quiet(
        t("notices.change"), {"role": "policy-open", "number": one.id}, f"{t('notices.change')}: {one.name}"
    )
    return components.entry(head, facts, [change], more=html.Ol(steps, className="steps"))


def _find(view: TenantView, number: int) -> Policy | None:
    """The policy with that number, if there is one."""
    with view.context.metadata.session() as session:
        found = list_policies(session, view.scope, after=number - 1, limit=1) if number else []
    return found[0] if found and found[0].id == number else None


def _form(view: TenantView, number: int) -> Opened:
    """The form of a new policy, or of one that exists; a step without a channel is left out."""
    t, policy = view.t, _find(view, number)
    places = {_ALL: t("people.everywhere"), **place_names(view, machines=True)}
    if policy and policy.path and policy.path not in places:
        places[policy.path] = policy.path
    priorities = {str(int(one)): t(f"alarm_priority.{one.name.lower()}") for one in AlarmPriority}
    least = str(int(policy.least_priority)) if policy else "1"
    fields = [
        text("policy", "name", t("notice_field.name"), policy.name if policy else ""),
        choice("policy", "path", t("people.place"), places, (policy.path if policy else "") or _ALL),
        choice("policy", "least_priority", t("notice_field.least_priority"), priorities, least),
    ]
    rows = max(_LEAST_ROWS, len(policy.steps) + 1 if policy else 0)
    channels = _channels(view)
    steps = [html.Div(_step(view, channels, policy, at), className="form step") for at in range(rows)]
    title = t("notices.change_of", name=policy.name) if policy else t("notices.new_policy")
    parts = [*fields, html.Div(steps, className="steps-form")]
    form = framed(view, "policy", title, parts, remove=policy is not None)
    return Opened(form, policy.id, policy.version) if policy else Opened(form, 0, 0)


def _step(view: TenantView, channels: Mapping[str, str], policy: Policy | None, at: int) -> list[Component]:
    t = view.t
    step = policy.steps[at] if policy and at < len(policy.steps) else None
    after = str(step.after_minutes) if step else _MINUTES[min(at, 1) * (at + 1)]
    minutes = {one: t("span.minutes", n=one) for one in dict.fromkeys((*_MINUTES, after))}
    roles = {role.value: t(f"role.{role}") for role in (*_ROLES, *(step.roles if step else ()))}
    return [
        choice("policy", f"minutes-{at}", t("notice_field.after_minutes"), minutes, after),
        choices("policy", f"channels-{at}", t("notice_field.channels"), channels,
                [str(number) for number in step.channels] if step else []),
        choices("policy", f"roles-{at}", t("notice_field.roles"), roles,
                [role.value for role in step.roles] if step else []),
    ]  # fmt: skip


def _save(view: TenantView, number: int, version: int, said: Mapping[str, object]) -> tuple[bool, Component]:
    """Keep a policy; whether it could be, and what to say of it."""
    t, now = view.t, utc_now()
    standing = _find(view, number)
    kept = standing.model_dump(include=set(PolicySpec.model_fields)) if standing else {}
    path = said.get("path")
    wanted = kept | {
        "name": said.get("name"), "path": "" if path == _ALL else path,
        "least_priority": said.get("least_priority"), "steps": _steps(said, kept.get("steps", ())),
    }  # fmt: skip
    try:
        spec = PolicySpec.model_validate(wanted)
        with view.context.metadata.session() as session:
            if number:
                change_policy(session, view.scope, number, version, spec, now)
            else:
                create_policy(session, view.scope, spec, now)
    except ValidationError as error:
        return False, invalid(view, error)
    except ChannelRefused as refused:
        return False, components.refused(t, refused)
    except (PolicyChanged, UnknownPolicy):
        return False, components.notice(Tone.BAD, t("notices.changed_meanwhile"), "")
    return True, components.done(t("notices.saved"))


def _steps(said: Mapping[str, object], kept: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of a dumped model
    """Steps of the form; people and hours, which it does not show, stay with the step of the same place."""
    steps = []
    for at in range(sum(name.startswith("minutes-") for name in said)):
        if channels := listed(said.get(f"channels-{at}")):
            before = dict(kept[at]) if at < len(kept) else {}
            shown = {"after_minutes": said.get(f"minutes-{at}"), "channels": channels,
                     "roles": listed(said.get(f"roles-{at}"))}  # fmt: skip
            steps.append(before | shown)
    return sorted(
        steps, key=lambda step: int(step["after_minutes"]) if str(step["after_minutes"]).isdigit() else 0
    )


def _remove(view: TenantView, number: int) -> Component:
    """Remove a policy; what escalates by it stops."""
    with view.context.metadata.session() as session:
        delete_policy(session, view.scope, number, utc_now())
    return components.done(view.t("notices.removed"))


POLICIES: Final = Editor("policy", "alarm-policies", policy_list, _form, _save, _remove)
