"""The frame around every page: header, navigation, language, person, and the banner for a lost connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION, Pages, Person
from tundish_dashboards.routes import Page, Route, find_route, home_path, is_bureau, is_operator, may_see
from tundish_dashboards.theme import MANTINE
from tundish_platform.api.marking import SimulatedMark
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.accounts import tenants_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dash.development.base_component import Component

    PageLayout = Callable[[Pages, str], Component]


_OF_TENANT: Final = (
    *(
        Page.OVERVIEW,
        Page.PLANT,
        Page.MACHINE,
        Page.QUALITY,
        Page.ENERGY,
        Page.EXPLORER,
        Page.ALERTS,
        Page.ALARMS,
        Page.HANDOVER,
        Page.MODELS,
        Page.JOBS,
        Page.MARKET,
    ),
    *(Page.STATEMENTS, Page.DEVELOPER, Page.PEOPLE, Page.AUDIT, Page.SHARING),
)

# Pages that are reached from another one, whose entry of the navigation they keep.
_WITHIN: Final = {Page.ALARM_SETTINGS: Page.ALARMS, Page.APP: Page.MARKET, Page.TRIALS: Page.MARKET,
           Page.ENTERPRISE: Page.REGISTER, Page.REGISTER_IMPORT: Page.REGISTER,
           Page.COCKPIT: Page.BUREAU}  # fmt: skip


def shell_layout(pages: Pages) -> Component:
    """The frame in the person's language; pages are put into it by their address."""
    if pages.sessions.principal() is None:
        # Dash builds the layout once on its first request, whoever sends it; nobody is shown this one.
        return html.Div()
    person = pages.person()
    t = person.t
    frame: Component = dmc.MantineProvider(
        [
            dcc.Location(id=LOCATION, refresh="callback-nav"),
            dcc.Store(id="beat"),
            dcc.Store(id="page-title"),
            dcc.Interval(id="watch", interval=1000),
            html.A(t("shell.skip"), href="#page", className="skip"),
            dmc.AppShell(
                [
                    _header(person),
                    dmc.AppShellNavbar(html.Div(_navigation(person), className="nav")),
                    _main(person, simulated=bool(SimulatedMark(pages.context.metadata))),
                ],
                id="shell",
                header={"height": 52},
                navbar={"width": 208, "breakpoint": "sm", "collapsed": {"mobile": True}},
            ),
        ],
        theme=MANTINE,
        defaultColorScheme="auto",
    )
    return frame


def _header(person: Person) -> Component:
    t = person.t
    burger = dmc.Burger(
        id="burger", opened=False, hiddenFrom="sm", size="sm", **components.labelled(t("shell.menu"))
    )
    logo = html.Img(src="/assets/tundish.svg", alt="", width=26, height=26)
    brand = dcc.Link([logo, html.Strong("Tundish")], href=home_path(person.principal), className="brand")
    parts = [
        burger,
        brand,
        html.Span(t("brand.line"), className="brand-line"),
        html.Div(id="header-tenant", className="header-tenant"),
        _scheme_switch(person),
        _language_link(person),
    ]
    header: Component = dmc.AppShellHeader(html.Div(parts, className="header"))
    return header


def _scheme_switch(person: Person) -> Component:
    """Between light and dark; the browser keeps the choice, and without one the system decides."""
    t = person.t
    switch: Component = dmc.ColorSchemeToggle(
        id="scheme",
        className="language",
        unstyled=True,
        # Shown is what a click leads to.
        lightIcon=html.Span(t("shell.dark")),
        darkIcon=html.Span(t("shell.light")),
        **components.labelled(t("shell.scheme")),
    )
    return switch


def _main(person: Person, *, simulated: bool) -> Component:
    t = person.t
    lost = html.Div(
        [html.Strong(t("shell.lost_title")), html.Span(t("shell.lost_what"))],
        id="lost",
        className="lost",
        role="alert",
        hidden=True,
    )
    page = html.Div(html.P(t("shell.loading"), className="loading"), id="page", className="page")
    main: Component = dmc.AppShellMain(
        [*([_simulated(person)] if simulated else []), lost, _still(person), page]
    )
    return main


def _still(person: Person) -> Component:
    """Said by the browser while the stream of a page does not come; it puts in since when."""
    t = person.t
    words: dict[str, Any] = {f"data-{why}": t(f"shell.live_{why}", at="{at}") for why in ("lost", "full")}
    return html.Div(
        html.Strong(id="live-words", **words), id="live-lost", className="lost", role="alert", hidden=True
    )


def _simulated(person: Person) -> Component:
    """The mark that stays on every page of a simulated city, whatever is shown below."""
    t = person.t
    parts = [html.Strong(t("shell.simulated")), html.Span(t("shell.simulated_what"))]
    return html.Div(parts, id="simulated", className="simulated", role="note")


def _language_link(person: Person) -> Component:
    other = person.language.other
    return html.A(
        person.t("language.other_name"),
        id="language",
        href=f"/language/{other.value}",
        className="language",
        lang=other.value,
        hrefLang=other.value,
    )


def _navigation(person: Person) -> list[Component]:
    t = person.t
    return [
        html.Nav(id="nav-links", className="nav-links", **components.labelled(t("shell.pages"))),
        html.Form(
            [
                dcc.Link(
                    person.principal.name,
                    href=Route(Page.ACCOUNT).path,
                    id="nav-account",
                    className="person",
                    title=t("page.account"),
                ),
                html.Button(t("shell.log_out"), type="submit", className="quiet"),
            ],
            method="POST",
            action="/logout",
            className="nav-person",
        ),
    ]


def _links(person: Person, route: Route | None) -> list[Component]:
    t = person.t
    tenant = route.tenant if route and route.tenant in person.principal.tenants else None
    wanted: list[tuple[Route, str]] = []
    if tenant is None and person.principal.tenants:
        tenant = min(person.principal.tenants)
    if tenant is not None:
        routes = [Route(page, tenant) for page in _OF_TENANT]
        wanted = [(one, t(f"page.{one.page}")) for one in routes if may_see(person.principal, one)]
    if is_bureau(person.principal):
        wanted += [(Route(page), t(f"page.{page}")) for page in (Page.BUREAU, Page.REGISTER)]
    if is_operator(person.principal):
        wanted += [(Route(page), t(f"page.{page}")) for page in (Page.REVIEW, Page.BILLING)]
    return [
        dmc.NavLink(
            label=words,
            href=target.path,
            active="exact" if route is None or _nav_page(route) != target.page else True,
            id=f"nav-{target.page}",
        )
        for target, words in wanted
    ]


def _nav_page(route: Route) -> Page:
    return _WITHIN.get(route.page, route.page)


def _tenant_switch(pages: Pages, person: Person, route: Route | None) -> Component | None:
    if route is None or route.tenant is None or route.tenant not in person.principal.tenants:
        return None
    with pages.context.metadata.session() as database:
        known = tenants_of(database, person.principal)
    names = {tenant.slug: person.t.of(tenant.name_zh, tenant.name_en) for tenant in known}
    if len(names) == 1:
        return html.Span(names[route.tenant], className="tenant-name")
    data = [{"value": slug, "label": name} for slug, name in sorted(names.items(), key=lambda pair: pair[1])]
    return components.select("tenant-switch", person.t("shell.tenant"), data, route.tenant)


def not_found(person: Person) -> Component:
    """What is shown for an address that does not exist or is not for this person: the same in both cases."""
    t = person.t
    return html.Div(
        [
            html.H1(t("missing.title")),
            components.nothing(t("missing.what"), t("missing.then")),
            dcc.Link(t("missing.home"), href=home_path(person.principal), className="button"),
        ],
        id="not-found",
    )


def register_shell(pages: Pages, layouts: Mapping[Page, PageLayout]) -> None:
    """Navigation by address, the tenant switch, and the parts that run in the browser alone."""

    @pages.on_person(
        Output("page", "children"),
        Output("nav-links", "children"),
        Output("header-tenant", "children"),
        Output("language", "href"),
        Output("page-title", "data"),
        Input(LOCATION, "pathname"),
    )
    def show_page(person: Person, path: object) -> tuple[Any, ...]:
        route = find_route(path) if isinstance(path, str) else None
        try:
            content = layouts[route.page](pages, route.path) if route else not_found(person)
        except AccessDenied:
            route, content = None, not_found(person)
        title = person.t(f"page.{route.page}") if route else person.t("missing.title")
        back = route.path if route else "/"
        language = f"/language/{person.language.other.value}?next={back}"
        return content, _links(person, route), _tenant_switch(pages, person, route), language, title

    @pages.on_person(
        Output(LOCATION, "pathname"),
        Input("tenant-switch", "value"),
        State(LOCATION, "pathname"),
        initially=False,
    )
    def switch_tenant(person: Person, wish: object, path: object) -> object:
        tenant = wishes.word(wish, "the enterprise")
        route = find_route(path) if isinstance(path, str) else None
        # A page that is no tenant's has no such switch; who sends one all the same stays where they are.
        if route is None or route.tenant in {None, tenant} or tenant not in person.principal.tenants:
            return no_update
        wanted = Route(route.page, tenant, route.app)
        return wanted.path if may_see(person.principal, wanted) else Route(Page.OVERVIEW, tenant).path

    _register_browser_parts(pages)


def _register_browser_parts(pages: Pages) -> None:
    opened, path = Input("burger", "opened"), Input(LOCATION, "pathname")
    pages.in_browser("toggleMenu", Output("shell", "navbar"), opened, State("shell", "navbar"))
    pages.in_browser("closeMenu", Output("burger", "opened"), path, initially=False)
    pages.in_browser(
        "watchBeat", Output("lost", "hidden"), Input("watch", "n_intervals"), Input("beat", "data")
    )
    pages.in_browser("setTitle", Output("page-title", "modified_timestamp"), Input("page-title", "data"))
