"""Layout and callbacks of the bureau's page: adoption counted from measured evidence, never from forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Input, Output, dcc, html

from tundish_dashboards import components, wishes
from tundish_dashboards.bureau.atlas import atlas_panel, register_atlas
from tundish_dashboards.bureau.figures import adoption_figures, cell_tables
from tundish_dashboards.bureau.inspections import inspection_table
from tundish_dashboards.bureau.listing import enterprise_box, register_listing
from tundish_dashboards.bureau.months import (
    MOST_STALLED,
    STALLED_MONTHS,
    declared_table,
    funnel,
    stalled_tables,
    target_table,
)
from tundish_dashboards.bureau.opening import evidence_box, register_opening
from tundish_dashboards.bureau.publishing import publishing_panel, register_publishing
from tundish_dashboards.bureau.reports import register_reports, report_panels
from tundish_dashboards.bureau.targets import register_targets, target_form
from tundish_dashboards.money.vouchers import register_vouchers, voucher_panel
from tundish_dashboards.routes import Page, Route
from tundish_platform.api.adoption import (
    current_adoption,
)
from tundish_platform.api.ghosts import suspicion_list
from tundish_platform.api.marking import SimulatedMark
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.series import series, series_rule, stalled_list, stalled_steps, target_list
from tundish_platform.programme import published_rules
from tundish_platform.programme.declared import declared_figures
from tundish_platform.tenancy import access_programme
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

_TICK_MS = 5_000


def bureau_page(pages: Pages, path: str) -> Component:
    """The frame of the page; callbacks fill it and keep it fresh."""
    del path
    person = pages.person()
    access_programme(person.principal)
    t, made = person.t, bool(SimulatedMark(pages.context.metadata))
    rules = [
        {"value": rule.version, "label": t("bureau.rule", version=rule.version)}
        for rule in published_rules().values()
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.H1(t("bureau.title")),
                    html.Div(
                        [
                            html.Span(t("bureau.made" if made else "bureau.measured")),
                            dcc.Link(t("page.cockpit"), href=Route(Page.COCKPIT).path),
                            components.select(
                                "bureau-rule", t("bureau.choose_rule"), rules, pages.settings.rule_version
                            ),
                        ],
                        className="aside",
                    ),
                ],
                className="page-head",
            ),
            html.Div(html.P(t("shell.loading"), className="loading"), id="bureau-figures"),
            html.Div(
                [
                    components.panel(t("bureau.enterprises"), enterprise_box()),
                    components.panel(t("bureau.evidence"), evidence_box(person)),
                ],
                className="columns halves",
            ),
            components.panel(
                t("inspect.title"), html.Div(id="bureau-inspect"), aside=t("inspect.no_verdict")
            ),
            html.Div(html.P(t("shell.loading"), className="loading"), id="bureau-months"),
            target_form(person),
            atlas_panel(person),
            *report_panels(pages, person),
            html.Div(id="bureau-cells"),
            publishing_panel(pages, person),
            voucher_panel(pages, person),
            html.Div(id="refreshing", hidden=True),
            dcc.Interval(id="bureau-tick", interval=_TICK_MS),
        ]
    )


def register_bureau(pages: Pages) -> None:
    """What keeps the figures fresh, and opening the evidence of one enterprise."""
    _register_figures(pages)
    _register_months(pages)
    register_listing(pages, lambda wish: _version(pages, wish))
    register_opening(pages, lambda wish: _version(pages, wish))
    register_targets(pages)
    register_publishing(pages, lambda wish: _version(pages, wish))
    register_atlas(pages)
    register_reports(pages)
    register_vouchers(pages)


def _register_figures(pages: Pages) -> None:
    @pages.on_programme(
        Output("bureau-figures", "children"),
        Output("bureau-cells", "children"),
        Output("bureau-inspect", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("bureau-tick", "n_intervals"),
        Input("bureau-rule", "value"),
        initially="shared",
    )
    def figures(person: Person, tick: object, rule: object) -> tuple[Any, ...]:
        version = _version(pages, rule)
        counted = current_adoption(pages.context, person.principal, version)
        return (
            adoption_figures(person, counted),
            cell_tables(person, counted),
            inspection_table(person, suspicion_list(pages.context, person.principal)),
            f"bureau/{tick}",
        )


def _register_months(pages: Pages) -> None:
    @pages.on_programme(
        Output("bureau-months", "children"),
        Input("bureau-rule", "value"),
        Input("target-message", "children"),
        initially="shared",
    )
    def months(person: Person, rule: object, _entered: object) -> list[Component]:
        return months_shown(pages, person, _version(pages, rule))


def months_shown(pages: Pages, person: Person, version: str) -> list[Component]:
    """The panels of the months; a rule of minutes has none, and the monthly one stands for it."""
    t, chosen = person.t, published_rules()[version]
    rule = series_rule(MONTHLY if chosen.demo else version)
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        found = series(session, rule)
        wanted = target_list(session, rule)
        steps = stalled_steps(session, rule, STALLED_MONTHS)
        stuck = stalled_list(session, rule, STALLED_MONTHS, limit=MOST_STALLED)
    stages = found["stages"]
    return [
        components.panel(
            t("months.title"), funnel(person, found), aside=t("bureau.rule", version=rule.version)
        ),
        components.panel(t("target.title"), target_table(person, wanted, stages), aside=t("target.aside")),
        components.panel(
            t("stalled.title"), stalled_tables(person, steps, stuck, stages),
            aside=t("stalled.aside", n=STALLED_MONTHS),
        ),
        components.panel(
            t("declared.title"), declared_table(person, declared_figures()), aside=t("declared.aside")
        ),
    ]  # fmt: skip


def _version(pages: Pages, wish: object) -> str:
    return wishes.one_of(wish, "the rule version", list(published_rules()), pages.settings.rule_version)
