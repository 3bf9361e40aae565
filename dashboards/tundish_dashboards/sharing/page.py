"""The page "what the bureau sees": consents, who opened the evidence, fields, cells, publications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.sharing.rows import cell_rows, field_rows, published_facts
from tundish_dashboards.theme import Tone
from tundish_platform.api.sharing import seen_by_bureau
from tundish_platform.programme.sharing import ConsentRefused, Purpose, give, withdraw
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

    Told = Mapping[str, Any]

_ACTS: Final = ("give", "withdraw")
_VERSION: Final = 10


def sharing_page(pages: Pages, path: str) -> Component:
    """Everything at once; nothing of it changes by itself while somebody reads."""
    view = pages.view(path, Permission.MANAGE)
    head = html.Div(
        [
            html.H1(view.t("sharing.title", tenant=view.name)),
            html.Div(view.t("plant.zone", zone=view.formats.zone_text(utc_now())), className="aside"),
        ],
        className="page-head",
    )
    return html.Div([head, html.Div(_body(pages, view), id="sharing-body")])


def register_sharing(pages: Pages) -> None:
    """The switches of the consents."""

    @pages.on_tenant(
        Output("sharing-body", "children"),
        Input({"role": "consent", "purpose": ALL, "act": ALL, "version": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def switch(view: TenantView, _clicks: object) -> object:
        if not (asked := wishes.click()):
            return no_update
        known = [purpose.value for purpose in Purpose]
        purpose = Purpose(wishes.one_of(asked.get("purpose"), "the purpose", known, known[0]))
        act = wishes.one_of(asked.get("act"), "the switch", _ACTS, "withdraw")
        version = wishes.word(asked.get("version"), "the words", _VERSION)
        said: Component = components.done(view.t(f"sharing.{act}_done"))
        try:
            with view.context.metadata.session() as session:
                if act == "give":
                    give(session, view.scope, purpose, version, utc_now())
                else:
                    withdraw(session, view.scope, purpose, utc_now())
        except ConsentRefused as refused:
            said = components.refused(view.t, refused)
        return [said, *_body(pages, view)]


def _body(pages: Pages, view: TenantView) -> list[Component]:
    t = view.t
    found = seen_by_bureau(pages.context, view.scope, pages.settings.rule_version, utc_now())
    shown = [components.panel(t("sharing.consents"), _consents(view, found["consents"]))]
    if found["uscc"] is None:
        words = components.nothing(t("sharing.unregistered"), t("sharing.unregistered_then"))
        return [components.panel(t("sharing.records"), words), *shown]
    records = [_record(view, one) for one in found["records"]]
    cells = components.table(
        [t(f"sharing.{name}") for name in ("table", "cell", "enterprises", "figures")],
        cell_rows(view, found["cells"]),
        t("sharing.cells"),
    )
    return [
        *shown,
        components.panel(
            t("sharing.openings"), _openings(view, found["openings"]), aside=t("sharing.openings_aside")
        ),
        components.panel(
            t("sharing.records"), [html.P(t("sharing.records_words"), className="muted"), *records]
        ),
        components.panel(t("sharing.cells"), [html.P(t("sharing.cells_words"), className="muted"), cells]),
        components.panel(t("sharing.public"), _public(view, found)),
        components.panel(t("sharing.apps"), _apps(view, found["apps"])),
    ]


def _consents(view: TenantView, consents: Sequence[Told]) -> Component:
    """Each use with its words, how it stands, and the switch."""
    return components.entries([_consent(view, one) for one in consents])


def _consent(view: TenantView, one: Told) -> Component:
    t = view.t
    name, standing = t.of(one["name_zh"], one["name_en"]), bool(one["standing"])
    act = "withdraw" if standing else "give"
    button = components.quiet(
        t(f"sharing.{act}"),
        {"role": "consent", "purpose": one["purpose"], "act": act, "version": one["version"]},
        t(f"sharing.{act}_of", name=name),
    )
    state = components.status(
        Tone.GOOD if standing else Tone.QUIET, t("sharing.standing" if standing else "sharing.not_standing")
    )
    history = [html.Div(_said(view, said), className="muted small") for said in one["history"]]
    return components.entry(
        [html.Strong(name), " ", state],
        [t("sharing.words_version", version=one["version"])],
        [button],
        more=[html.P(t.of(one["text_zh"], one["text_en"])), *history],
    )


def _said(view: TenantView, said: Told) -> str:
    t, moment = view.t, view.formats.moment
    given = t("sharing.given", at=moment(said["given_at"]), by=said["given_by"], version=said["version"])
    if said["withdrawn_at"] is None:
        return given
    return f"{given} · {t('sharing.withdrawn', at=moment(said['withdrawn_at']), by=said['withdrawn_by'])}"


def _openings(view: TenantView, openings: Sequence[Told]) -> Component:
    t = view.t
    if not openings:
        return components.nothing(t("sharing.unopened"), t("sharing.unopened_then"))
    rows = [
        [view.formats.moment(one["at"]), one["by"], one["reason"], one["rule"],
         t("sharing.with_facts" if one["facts"] else "sharing.without_facts")]
        for one in openings
    ]  # fmt: skip
    head = [t(f"sharing.{name}") for name in ("when", "who", "why", "rule", "saw")]
    link = dcc.Link(t("sharing.all_openings"), href=Route(Page.AUDIT, view.scope.slug).path)
    return html.Div([components.table(head, rows, t("sharing.openings")), link])


def _record(view: TenantView, one: Told) -> Component:
    """The fields of a record with their values, or what consent would give."""
    t = view.t
    needs = " · ".join(t(f"purpose.{purpose}") for purpose in one["needs"])
    basis = t("sharing.needs", purposes=needs) if needs else t("sharing.by_programme")
    state = t("sharing.withheld") if one["withheld"] else t("sharing.rows", n=len(one["rows"]))
    parts: list[Component] = [html.P(t(f"record.{one['record']}_words"), className="muted")]
    if one["withheld"]:
        fields = ", ".join(t.maybe(f"shared.{name}", name) for name in one["fields"])
        parts.append(html.P(t("sharing.would", fields=fields)))
    head = [t("sharing.field"), t("sharing.value")]
    name = t(f"record.{one['record']}")
    parts += [components.table(head, field_rows(view, one["fields"], row), name) for row in one["rows"]]
    return components.more(f"{name} · {basis} · {state}", html.Div(parts))


def _public(view: TenantView, found: Told) -> Component:
    t = view.t
    standing = {one["purpose"] for one in found["consents"] if one["standing"]}
    public = sorted(standing & {Purpose.NAMED.value, Purpose.OPEN_DATA.value})
    words = t("sharing.named", purposes=" · ".join(t(f"purpose.{one}") for one in public)) if public else t(
        "sharing.unnamed"
    )  # fmt: skip
    parts: list[Component] = [html.P(words)]
    published = found["published"]
    if published is None:
        parts.append(components.nothing(t("sharing.unpublished"), t("sharing.unpublished_then")))
    else:
        parts.append(components.facts(published_facts(view, published)))
    return html.Div(parts)


def _apps(view: TenantView, apps: Sequence[Told]) -> Component:
    t = view.t
    link = dcc.Link(t("sharing.to_market"), href=Route(Page.MARKET, view.scope.slug).path)
    if not apps:
        return html.Div([components.nothing(t("sharing.no_apps"), t("sharing.no_apps_then")), link])
    rows = [
        [t.maybe(f"record_kind.{one['kind']}", one["kind"]), one["what"],
         view.formats.moment(one["since"]) if one["since"] else "–", one["by"] or "–",
         view.formats.moment(one["until"]) if one["until"] else t("sharing.until_withdrawn")]
        for one in apps
    ]  # fmt: skip
    head = [t(f"sharing.{name}") for name in ("kind", "what", "since", "who", "until")]
    return html.Div([components.table(head, rows, t("sharing.apps")), link])
