"""The form by which officers enter targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import BUREAU_ZONE
from tundish_dashboards.theme import Tone
from tundish_platform.api.series import series_rule
from tundish_platform.programme.series.targets import Kind, TargetSpec, set_target
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

_TYPED: Final = ("year", "region", "industry", "park", "value", "source")
_CHOSEN: Final = ("stage", "kind")
_LONGEST: Final = 300


def target_form(person: Person) -> Component:
    """Year, stage, what is counted, whose, how many, and by which document; no number takes it back."""
    t = person.t
    stages = [{"value": one.key, "label": t.of(one.name.zh, one.name.en)} for one in series_rule().stages]
    kinds = [{"value": kind.value, "label": t(f"target.{kind.value}")} for kind in Kind]
    fields = [
        dmc.TextInput(id="target-year", label=t("target_form.year"), size="xs",
                      value=str(utc_now().astimezone(BUREAU_ZONE).year)),
        *(
            dmc.Select(id=f"target-{name}", label=t(f"target_form.{name}"), data=data, value=data[0]["value"],
                       allowDeselect=False, size="xs")
            for name, data in (("stage", stages), ("kind", kinds))
        ),
        *(
            dmc.TextInput(id=f"target-{name}", label=t(f"target_form.{name}"), value="", size="xs")
            for name in _TYPED[1:]
        ),
        dmc.Button(t("target_form.enter"), id="target-enter", size="xs"),
    ]  # fmt: skip
    return components.panel(
        t("target_form.title"),
        [
            html.P(t("target_form.words"), className="muted"),
            html.Div(fields, className="form"),
            html.Div(id="target-message", role="status", **components.announced()),
        ],
    )


def register_targets(pages: Pages) -> None:
    """Entering a target."""

    @pages.on_programme(
        Output("target-message", "children"),
        Input("target-enter", "n_clicks"),
        *(State(f"target-{name}", "value") for name in (*_TYPED, *_CHOSEN)),
        initially=False,
    )
    def enter(person: Person, clicks: object, *values: object) -> object:
        if not clicks:
            return no_update
        said = {
            name: wishes.word(value, name, _LONGEST).strip()
            for name, value in zip((*_TYPED, *_CHOSEN), values, strict=True)
        }
        return entered(pages, person, said)


def entered(pages: Pages, person: Person, said: dict[str, str]) -> Component:
    """Keep a target, or say what is wrong with it."""
    t = person.t
    try:
        spec = TargetSpec.model_validate(said | {"value": said["value"] or None})
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
        names = " · ".join(t(f"target_form.{name}") for name in (*_TYPED, *_CHOSEN) if name in wrong)
        return components.notice(Tone.BAD, t("target_form.refused"), t("target_form.look", names=names))
    if spec.stage not in {stage.key for stage in series_rule().stages}:
        return components.notice(Tone.BAD, t("target_form.refused"), t("target_form.stage"))
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        made = set_target(session, spec, person.principal.name, utc_now())
        return components.done(t("target_form.done", n=made.id, version=made.version))
