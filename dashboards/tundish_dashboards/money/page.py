"""The tenant's page of money: statements with their lines and files, invoices, vouchers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, html, no_update
from flask import Blueprint, Response, abort, request

from tundish_dashboards import components, wishes
from tundish_dashboards.money.amounts import price_words, yuan
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.api.billing_routes import PDF, XLSX, statement_file_of
from tundish_platform.marketplace.billing.invoices import InvoiceState, invoices_of
from tundish_platform.marketplace.billing.statements import preview, statements_of
from tundish_platform.marketplace.billing.vouchers import vouchers_of
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.marketplace.billing.charges import Line
    from tundish_platform.marketplace.billing.invoices import InvoiceView
    from tundish_platform.marketplace.billing.statements import StatementView

SHOWN: Final = 12
_MAX_ID: Final = 2**31 - 1
_TONES: Final = {
    InvoiceState.DRAFT: Tone.QUIET, InvoiceState.ISSUED: Tone.NOTICE, InvoiceState.PAID: Tone.GOOD,
    InvoiceState.CANCELLED: Tone.QUIET,
}  # fmt: skip


def statements_page(pages: Pages, path: str) -> Component:
    """This month so far, the statements, the invoices and the vouchers."""
    view = pages.view(path, Permission.SUBSCRIBE)
    t = view.t
    return html.Div(
        [
            html.Div(
                [html.H1(t("money.title", tenant=view.name)), html.Div(t("money.line"), className="aside")],
                className="page-head",
            ),
            components.panel(t("money.month"), _month(view)),
            components.panel(t("money.statements"), html.Div(_statements(view, 0), id="statement-list")),
            components.panel(t("money.invoices"), _invoices(view)),
            components.panel(t("money.vouchers"), _vouchers(view)),
        ]
    )


def register_statements(pages: Pages) -> None:
    """Paging through the statements."""

    @pages.on_tenant(
        Output("statement-list", "children"),
        Input({"role": "statements-before", "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def turn(view: TenantView, _clicks: object) -> object:
        if not (asked := wishes.click()):
            return no_update
        return _statements(view, wishes.whole(asked.get("number"), "the statement", 0, _MAX_ID, 0))


def statement_files(pages: Pages) -> Blueprint:
    """Statements as files, in the reader's language."""
    routes = Blueprint("statements", __name__)

    @routes.get("/statements/<tenant>/<int:number>")
    def file(tenant: str, number: int) -> Response:
        try:
            view = pages.view(Route(Page.STATEMENTS, tenant).path, Permission.SUBSCRIBE)
        except AccessDenied:
            abort(404)
        form = "pdf" if request.args.get("format") == "pdf" else "xlsx"
        with view.context.metadata.session() as session:
            found = statements_of(session, view.scope, min(number, _MAX_ID - 1) + 1, 1)
        if not found or found[0].number != number:
            abort(404)
        language = view.person.language.value
        content = statement_file_of(found[0], form, "en" if language == "en" else "zh")
        name = f"statement-{view.scope.slug}-{found[0].content.month}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, mimetype=PDF if form == "pdf" else XLSX, headers=headers)

    return routes


def _month(view: TenantView) -> Component:
    t, now = view.t, utc_now()
    with view.context.metadata.session() as session:
        days, lines = preview(session, view.scope, now.astimezone(view.formats.zone).date(), now)
    if not days:
        return components.nothing(t("money.no_use"), t("money.no_use_then"))
    owed = sum(line.amount_fen for line in lines)
    return html.Div(
        [
            components.figures(
                [
                    components.figure(
                        t("money.so_far"), yuan(view.formats, owed), t("money.before_vouchers")
                    ),
                    components.figure(t("money.runs"), view.formats.number(sum(d.runs for d in days), 0)),
                    components.figure(t("money.rows"), view.formats.number(sum(d.rows for d in days), 0)),
                ]
            ),
            _lines(view, lines, {}),
        ]
    )


def _statements(view: TenantView, before: int) -> Component:
    t = view.t
    with view.context.metadata.session() as session:
        found = statements_of(session, view.scope, before, SHOWN + 1)
    if not found:
        return components.nothing(t("money.no_statements"), t("money.no_statements_then"))
    shown = found[:SHOWN]
    last = shown[-1].number if len(found) > SHOWN else None
    ways = components.ways((t("audit.newest"), t("audit.older")), "statements-before", before, last)
    return html.Div([components.entries([_statement(view, one) for one in shown]), ways])


def _statement(view: TenantView, one: StatementView) -> Component:
    t, content = view.t, one.content
    base = f"{Route(Page.STATEMENTS, view.scope.slug).path}/{one.number}"
    files: list[Component] = [
        html.A(words, href=f"{base}?format={form}", className="button")
        for form, words in (("xlsx", "Excel"), ("pdf", "PDF"))
    ]
    sums = [
        (t("money.charges"), content.charges_fen), (t("money.corrections"), content.corrections_fen),
        (t("money.brought"), content.brought_fen), (t("money.redeemed"), -content.vouchers_fen),
        (t("money.carried"), content.carried_fen), (t("money.total"), content.total_fen),
    ]  # fmt: skip
    shown = [(name, yuan(view.formats, fen)) for name, fen in sums if fen or name == t("money.total")]
    inside = html.Div([_lines(view, content.lines, content.names), components.facts(shown)])
    head: list[Any] = [html.Strong(content.month), f" · {yuan(view.formats, one.total_fen)} {t('money.cny')}"]
    facts: list[Any] = [
        t("money.number", n=one.number),
        t("money.issued", at=view.formats.moment(one.issued_at, seconds=False)),
        html.Span(f"SHA-256 {one.digest[:16]}…", className="code", title=one.digest),
    ]
    return components.entry(head, facts, files, more=components.more(t("money.lines"), inside))


def _lines(view: TenantView, lines: Iterable[Line], names: dict[str, tuple[str, str]]) -> Component:
    t, formats = view.t, view.formats
    apps = view.context.catalogue.apps
    rows = []
    for line in lines:
        app = apps.get(line.app)
        known = (app.manifest.name.zh, app.manifest.name.en) if app else (line.app, line.app)
        unit = "flat" if line.kind in {"trial", "free"} else line.plan_kind
        rows.append(
            [
                t.of(*names.get(line.app, known)), f"{t(f'money.{line.kind}')} {line.month}",
                price_words(t, formats, line.plan_kind, line.fen),
                f"{formats.number(line.quantity, 0)} {t(f'money.unit_{unit}')}",
                yuan(formats, line.amount_fen),
            ]
        )  # fmt: skip
    head = [t(f"money.{name}") for name in ("app", "item", "price", "quantity", "amount")]
    return components.table(head, rows, t("money.lines"))


def _invoices(view: TenantView) -> Component:
    t = view.t
    with view.context.metadata.session() as session:
        found = invoices_of(session, view.scope)
    if not found:
        return components.nothing(t("money.no_invoices"), t("money.no_invoices_then"))
    return html.Div([components.entries([invoice_entry(view, one, []) for one in found])])


def invoice_entry(view: Any, one: InvoiceView, buttons: list[Component]) -> Component:  # noqa: ANN401 - of a person or a tenant
    """An invoice in a list, for the tenant and for the operator."""
    t, formats = view.t, view.formats
    head: list[Any] = [
        html.Strong(one.label), f" · {one.month} · {yuan(formats, one.fen)} {t('money.cny')} ",
        components.status(_TONES[one.state], t(f"invoice.{one.state}")),
    ]  # fmt: skip
    facts: list[Any] = [
        t("invoice.pay_with", reference=one.asked) if one.state is InvoiceState.ISSUED else "",
        t("invoice.paid_with", reference=one.reference) if one.reference else "",
        t("invoice.credit", n=one.credit_number, reason=one.reason) if one.credit_number else "",
        formats.moment(one.settled_at, seconds=False) if one.settled_at else "",
    ]
    return components.entry(head, facts, buttons)


def _vouchers(view: TenantView) -> Component:
    t, formats = view.t, view.formats
    with view.context.metadata.session() as session:
        found = vouchers_of(session, view.scope)
    if not found:
        return components.nothing(t("money.no_vouchers"), t("money.no_vouchers_then"))
    head = [t(f"voucher.{name}") for name in ("code", "purpose", "for", "valid", "amount", "left")]
    rows = [
        [
            html.Span(one.code, className="code"), one.purpose,
            ", ".join((*one.apps, *one.industries)) or t("voucher.any"),
            f"{one.valid_from} – {one.valid_to}", yuan(formats, one.amount_fen), yuan(formats, one.left_fen),
        ]
        for one in reversed(found)
    ]  # fmt: skip
    return components.table(head, rows, t("money.vouchers"))
