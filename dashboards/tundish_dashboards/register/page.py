"""Layout and callbacks of the register's list: filters, pages, files out, and a file in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.register.steps import entered
from tundish_dashboards.register.words import county, industry, size_name
from tundish_dashboards.routes import Page, Route
from tundish_platform.programme.register.codes import counties, industries
from tundish_platform.programme.register.reading import Wanted, entries, figures, known_of
from tundish_platform.programme.register.sizes import Size
from tundish_platform.tenancy import access_programme
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.register.reading import RegisterEntry

SHOWN: Final = 20
_TYPING_MS: Final = 300
_USCC: Final = 18
_NEW: Final = ("uscc", "name", "industry", "region")
_FILTERS: Final = ("search", "industry", "region", "size", "park")


def register_page(pages: Pages, path: str) -> Component:
    """The frame with the first page of the list."""
    del path
    person = pages.person()
    access_programme(person.principal)
    t = person.t
    back = dcc.Link(t("register.back"), href=Route(Page.BUREAU).path)
    return html.Div(
        [
            html.Div(
                [html.H1(t("register.title")), html.Div(back, className="aside")], className="page-head"
            ),
            html.Div(_figures(pages, person), id="register-figures"),
            components.panel(
                t("register.entries"), [_filters(person), html.Div(id="register-list")],
            ),
            components.panel(t("register.import"), _upload(person)),
        ]
    )  # fmt: skip


def register_register(pages: Pages) -> None:
    """Searching and turning the list, and sending a file."""

    @pages.on_programme(
        Output("register-list", "children"),
        *(Input(f"register-{name}", "value") for name in _FILTERS),
        Input({"role": "register-after", "uscc": ALL}, "n_clicks"),
    )
    def show(person: Person, *values: object) -> object:
        said = [wishes.word(value, "the filter", 100).strip() for value in values[: len(_FILTERS)]]
        asked = wishes.click()
        return _list(pages, person, Wanted(*said), wishes.word(asked.get("uscc"), "the entry", _USCC))

    pages.in_browser(
        "sendRegister",
        Output("register-upload-message", "children"),
        Input("register-upload", "contents"),
        State("register-upload", "filename"),
        initially=False,
    )

    @pages.on_programme(
        Output("register-new-message", "children"),
        Input("register-new", "n_clicks"),
        *(State(f"register-new-{name}", "value") for name in _NEW),
        initially=False,
    )
    def enter(person: Person, clicks: object, *values: object) -> object:
        if not clicks:
            return no_update
        return entered(pages, person, [wishes.word(value, "the entry", 200) for value in values])


def _figures(pages: Pages, person: Person) -> Component:
    t, formats = person.t, person.formats
    with pages.context.metadata.session() as session:
        found = figures(session, known_of(session, utc_now()))
    at = formats.moment(found.known_at) if found.known_at else t("bureau.never")
    counted = [
        (t("register.count"), found.enterprises), (t("register.fictional"), found.demo_enterprises),
        (t("register.merged"), found.merged), (t("register.counties"), len(found.by_region)),
    ]  # fmt: skip
    known = components.figure(t("register.known"), at, t("register.change", n=found.change))
    return components.figures(
        [*(components.figure(name, formats.number(value, 0)) for name, value in counted), known]
    )


def _filters(person: Person) -> Component:
    t = person.t
    sections = [{"value": "", "label": t("register.any")}] + [
        {"value": code, "label": f"{code} {t.of(*names)}"}
        for code, names in industries().items() if len(code) == 1
    ]  # fmt: skip
    places = [{"value": "", "label": t("register.any")}] + [
        {"value": code.removesuffix("00"), "label": f"{code} {t.of(*names)}"}
        for code, names in counties().items()
    ]
    sizes = [{"value": "", "label": t("register.any")}] + [
        {"value": size.value, "label": size_name(person, size)} for size in Size
    ]
    fields = [
        dmc.TextInput(id="register-search", label=t("register.search"), value="", debounce=_TYPING_MS),
        *(
            dmc.Select(id=f"register-{name}", label=t(f"register.{name}"), data=data, value="",
                       searchable=True, allowDeselect=False)
            for name, data in (("industry", sections), ("region", places), ("size", sizes))
        ),
        dmc.TextInput(id="register-park", label=t("register.park"), value="", debounce=_TYPING_MS),
    ]  # fmt: skip
    return html.Div(fields, className="form")


def _list(pages: Pages, person: Person, wanted: Wanted, after: str) -> Component:
    t = person.t
    with pages.context.metadata.session() as session:
        found = entries(session, known_of(session, utc_now()), wanted, after, SHOWN + 1)
    head = [
        t(f"register.{name}") for name in ("enterprise", "industry", "region", "park", "size", "platform")
    ]
    rows = [_row(person, one) for one in found[:SHOWN]]
    turning = [components.quiet(t("register.first"), {"role": "register-after", "uscc": ""})] if after else []
    if len(found) > SHOWN:
        last = {"role": "register-after", "uscc": found[SHOWN - 1].uscc}
        turning.append(components.quiet(t("register.next"), last))
    narrowed = {name: value for name in _FILTERS if (value := getattr(wanted, name))}
    shown = components.table(head, rows, t("register.entries")) if rows else components.nothing(
        t("register.none"), t("register.none_then")
    )  # fmt: skip
    return html.Div(
        [shown, html.Div(turning, className="entry-buttons left"), _files(person, narrowed)]
    )  # fmt: skip


def _row(person: Person, one: RegisterEntry) -> list[object]:
    t = person.t
    path = Route(Page.ENTERPRISE, of=one.uscc).path
    tag = html.Span(t("bureau.fictional"), className="tag") if one.demo else ""
    return [
        html.Div(
            [
                html.Div([dcc.Link(t.of(one.name_zh, one.name_en), href=path), " ", tag]),
                html.Div(one.uscc, className="code muted"),
            ]
        ),
        industry(person, one.industry),
        county(person, one.region),
        one.park or "",
        size_name(person, one.size) + ("" if one.size_entered or not one.size else t("register.computed")),
        t("register.yes") if one.connected else "",
    ]


def _files(person: Person, narrowed: dict[str, str]) -> Component:
    t = person.t
    base = f"{Route(Page.REGISTER).path}/files/register"

    def link(ending: str, words: str, **more: str) -> Component:
        query = urlencode(narrowed | more)
        return html.A(words, href=f"{base}.{ending}{'?' if query else ''}{query}", className="button")

    return html.Div(
        [
            link("xlsx", t("register.export_excel")),
            link("csv", t("register.export_csv")),
            link("xlsx", t("register.export_contacts"), contacts="1"),
        ],
        className="entry-buttons left",
    )


def _upload(person: Person) -> list[Component]:
    t = person.t
    base = f"{Route(Page.REGISTER).path}/files/template"
    fields: list[Any] = [
        dmc.TextInput(id=f"register-new-{name}", label=t(f"register_field.{field}"), value="", size="xs")
        for name, field in zip(_NEW, ("uscc", "name_zh", "industry", "region"), strict=True)
    ]  # fmt: skip
    return [
        html.P(t("register.import_words"), className="muted"),
        html.Div(
            [
                html.A(t("register.template_excel"), href=f"{base}.xlsx", className="button"),
                html.A(t("register.template_csv"), href=f"{base}.csv", className="button"),
                components.upload(
                    "register-upload", t("register.choose_file"), ".xlsx,.csv", 16 * 1024**2
                ),
            ],
            className="entry-buttons left",
        ),
        html.Div(id="register-upload-message", role="status", **components.announced()),
        html.H3(t("register.new")),
        html.Div([*fields, dmc.Button(t("register.enter"), id="register-new", size="xs")], className="form"),
        html.Div(id="register-new-message", role="status", **components.announced()),
    ]  # fmt: skip
