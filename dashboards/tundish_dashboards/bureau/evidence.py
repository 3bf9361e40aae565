"""The evidence behind one enterprise's stage: rule by rule, with the facts and the hash to check them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.programme import published_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Person
    from tundish_platform.programme import Rule
    from tundish_platform.programme.rules import Condition

_SHARES = frozenset({"good_share", "alert_share"})


def evidence_panel(person: Person, found: Mapping[str, Any]) -> Component:
    """What was measured, which conditions held, and how to repeat the count."""
    t, formats = person.t, person.formats
    rule = published_rules()[found["rule_version"]]
    return html.Div(
        [
            html.H3([t.of(found["name_zh"], found["name_en"]), " ", _demo(person, found)]),
            components.facts(
                [
                    (t("evidence.uscc"), html.Span(found["uscc"], className="code")),
                    (t("evidence.stage"), stage_name(person, rule, found["stage"])),
                    (t("evidence.since"), formats.moment(found["since"], seconds=False)),
                    (t("evidence.as_of"), formats.moment(found["as_of"], seconds=False)),
                    (
                        t("evidence.rule"),
                        f"{found['rule_version']} · {t.of(found['rule_name_zh'], found['rule_name_en'])}",
                    ),
                    (t("evidence.hash"), html.Span(found["facts_hash"], className="code")),
                    (t("evidence.replay"), _replay(person, replays=bool(found["replays"]))),
                ]
            ),
            html.H3(t("evidence.checks")),
            html.P(t("evidence.newest_first"), className="muted small"),
            _checks(person, rule, found),
            components.notice(Tone.NOTICE, t("evidence.withheld"), t("evidence.withheld_words"))
            if found["facts"] is None
            else components.more(t("evidence.facts"), _facts(person, found["facts"])),
        ]
    )


def stage_name(person: Person, rule: Rule, key: str) -> str:
    """A stage in words; no stage has words too."""
    stage = next((stage for stage in rule.stages if stage.key == key), None)
    return person.t.of(stage.name.zh, stage.name.en) if stage else person.t("bureau.no_stage")


def _demo(person: Person, found: Mapping[str, Any]) -> Component | str:
    return html.Span(person.t("bureau.fictional"), className="tag") if found["demo"] else ""


def _replay(person: Person, *, replays: bool) -> Component:
    tone = Tone.GOOD if replays else Tone.BAD
    return components.status(tone, person.t("evidence.replays" if replays else "evidence.differs"))


def _checks(person: Person, rule: Rule, found: Mapping[str, Any]) -> Component:
    """Each condition with its threshold, what was measured against it, and whether it held."""
    t = person.t
    conditions = [(stage, condition) for stage in rule.stages for condition in stage.conditions]
    rows = []
    for check, (stage, condition) in zip(found["checks"], conditions, strict=True):
        windows = (found["facts"] or {"windows": []})["windows"][: stage.windows]
        state = components.status(
            Tone.GOOD if check["held"] else Tone.BAD,
            t("evidence.held" if check["held"] else "evidence.failed"),
        )
        words = _measured(person, condition, windows) if windows else ["–"]
        measured = [html.Div(one) for one in words]
        rows.append(
            [
                html.Span(t.of(stage.name.zh, stage.name.en), className="whole"),
                t.of(check["text_zh"], check["text_en"]),
                html.Div(measured, className="muted"),
                state,
            ]
        )
    head = [t(f"evidence.{key}") for key in ("stage", "condition", "measured", "result")]
    return components.table(head, rows, t("evidence.checks"))


def _measured(person: Person, condition: Condition, windows: list[Mapping[str, float]]) -> list[str]:
    """Per fact of the condition: what each window held, and the least it had to be."""
    t = person.t
    figures = {figure.fact: figure for alternative in condition.any for figure in alternative}
    return [
        t(
            "evidence.against",
            fact=t.maybe(f"fact.{fact}", fact),
            values=" / ".join(_figure(person, fact, window.get(fact, 0)) for window in windows),
            least=_figure(person, fact, figure.at_least),
        )
        for fact, figure in figures.items()
    ]


def _figure(person: Person, fact: str, value: float) -> str:
    return person.formats.percent(value) if fact in _SHARES else person.formats.brief(value)


def _facts(person: Person, facts: Mapping[str, Any]) -> Component:
    """The figures of each window, the newest first, exactly as they were judged."""
    t = person.t
    windows = facts["windows"]
    keys = list(windows[0]) if windows else []
    head = [t("evidence.fact"), *(t("evidence.window", n=n) for n in range(1, len(windows) + 1))]
    rows = [
        [
            t.maybe(f"fact.{key}", key),
            *(_figure(person, key, w[key]) for w in windows),
        ]
        for key in keys
    ]
    return components.table(head, rows, t("evidence.facts"))
