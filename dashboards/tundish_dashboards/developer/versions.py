"""Versions and keys as both pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace.publishing import Report, State
from tundish_platform.sdk import Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.formats import Formats
    from tundish_dashboards.i18n import Texts
    from tundish_platform.marketplace.publishing import KeyView, VersionView

_TONES: Final = {
    State.UPLOADED: Tone.QUIET,
    State.IN_REVIEW: Tone.NOTICE,
    State.APPROVED: Tone.GOOD,
    State.REJECTED: Tone.BAD,
    State.WITHDRAWN: Tone.QUIET,
}
_KEY_TONES: Final = {
    "waiting": Tone.NOTICE,
    "active": Tone.GOOD,
    "retired": Tone.QUIET,
    "revoked": Tone.BAD,
}


def version_entry(t: Texts, formats: Formats, one: VersionView, buttons: Sequence[Component]) -> Component:
    """A version: what it is, how far it has come, what the checks found."""
    manifest = Manifest.model_validate(one.manifest)
    state = State(one.state)
    head: list[Any] = [
        html.Strong(f"{t.of(manifest.name.zh, manifest.name.en)} {one.version} "),
        components.status(_TONES[state], t(f"app_state.{state}")),
    ]
    if one.suspect:
        head.append(components.status(Tone.BAD, t("developer.suspect")))
    facts = [
        one.app,
        one.publisher,
        t("developer.sent", at=formats.moment(one.uploaded_at), by=one.uploaded_by),
        t("developer.decided", at=formats.moment(one.decided_at), by=one.decided_by)
        if one.decided_at
        else "",
        one.reason,
    ]
    return components.entry(head, facts, buttons, more=_details(t, one, manifest))


def key_entry(t: Texts, formats: Formats, key: KeyView, buttons: Sequence[Component] = ()) -> Component:
    """A key by its fingerprint."""
    head: list[Any] = [
        html.Code(key.fingerprint, className="code"),
        " ",
        components.status(_KEY_TONES[key.state], t(f"key_state.{key.state}")),
    ]
    facts = [
        key.publisher,
        t("developer.added", at=formats.moment(key.added_at), by=key.added_by),
        key.reason,
    ]
    return components.entry(head, facts, buttons)


def _details(t: Texts, one: VersionView, manifest: Manifest) -> Component:
    """The report, and what a reviewer compares."""
    asked = [f"{item.key}: {item.semantic} ({t(f'need.{item.need}')})" for item in manifest.inputs]
    given = [f"{item.key} {item.unit}".strip() for item in manifest.outputs]
    limits = manifest.resources
    rows: list[tuple[str, Any]] = [
        (t("developer.report"), _report(t, one)),
        (t("developer.inputs"), ", ".join(asked)),
        (t("developer.outputs"), ", ".join(given)),
        (t("developer.data_use"), t.of(manifest.data_use.zh, manifest.data_use.en)),
        (t("developer.resources"), f"{limits.seconds:g} s · {limits.memory_mb} MB · {limits.output_bytes} B"),
        ("SHA-256", html.Code(one.digest, className="code")),
        (t("developer.key"), html.Code(one.key, className="code")),
    ]
    return components.more(t("developer.details"), components.facts(rows))


def _report(t: Texts, one: VersionView) -> Component:
    if one.report is None:
        return html.Span(t("developer.unchecked"))
    report = Report.model_validate(one.report)
    if report.passed:
        return components.status(Tone.GOOD, t("developer.passed", isolation=report.isolation))
    findings = [
        html.Li([html.Strong(t(f"app_check.{found.check}")), " ", html.Span(found.problem, className="code")])
        for found in report.findings
    ]
    return html.Ul(findings)
