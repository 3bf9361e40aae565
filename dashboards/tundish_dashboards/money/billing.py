"""The operator's page of money: statements to issue, invoices to issue, to declare paid or to cancel."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update
from sqlalchemy import select

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.money.page import invoice_entry
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace.billing.invoices import (
    MOVES,
    InvoiceAct,
    InvoiceRefused,
    InvoiceState,
    all_invoices,
    decide_invoice,
)
from tundish_platform.marketplace.billing.payments import Manual, PaymentUnknown
from tundish_platform.marketplace.billing.reconcile import differences
from tundish_platform.marketplace.billing.statements import NotOver, issue_due
from tundish_platform.store.lifecycle.policy import operator_scope
from tundish_platform.tenancy import AccessDenied, Permission, access_programme
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

SHOWN: Final = 100
_ACTS: Final = tuple(InvoiceAct)


def billing_page(pages: Pages, path: str) -> Component:
    """Issuing and reconciling statements, and all invoices that wait for something."""
    del path
    person = pages.person()
    access_programme(person.principal, Permission.OPERATE)
    t = person.t
    said = comment("billing-said", t("billing.said"), 400)
    ask = dialog("billing", t("market.confirm"), t("market.cancel"), [html.Div(id="billing-words"), *said])
    return html.Div(
        [
            html.Div(
                [html.H1(t("billing.title")), html.Div(t("billing.line"), className="aside")],
                className="page-head",
            ),
            html.Div(id="billing-message", role="status", **components.announced()),
            components.panel(t("billing.statements"), _form(pages, person)),
            html.Div(_lists(pages, person), id="billing-lists"),
            ask,
            dcc.Store(id="billing-wish"),
        ]
    )


def register_billing(pages: Pages) -> None:
    """Issuing, reconciling, and deciding about invoices after a question."""

    @pages.on_operator(
        Output("billing-message", "children"),
        Output("billing-lists", "children"),
        Input("billing-issue", "n_clicks"),
        Input("billing-reconcile", "n_clicks"),
        State("billing-tenant", "value"),
        State("billing-month", "value"),
        initially=False,
    )
    def bill(
        person: Person, _issue: object, _check: object, tenant: object, month: object
    ) -> tuple[Any, ...]:
        asked = wishes.asker()
        slug = wishes.word(tenant, "the enterprise", 40)
        if asked == "billing-issue":
            return _issued(pages, person, slug, wishes.word(month, "the month", 7)), _lists(pages, person)
        if asked == "billing-reconcile":
            return _reconciled(pages, person, slug), no_update
        return no_update, no_update

    @pages.on_operator(
        Output("billing-dialog", "opened"),
        Output("billing-dialog-what", "children"),
        Output("billing-words", "children"),
        Output("billing-said", "value"),
        Output("billing-wish", "data"),
        Input({"role": "invoice", "act": ALL, "of": ALL}, "n_clicks"),
        Input("billing-no", "n_clicks"),
        initially=False,
    )
    def ask(person: Person, _clicks: object, _no: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return False, no_update, no_update, no_update, None
        act = wishes.one_of(asked.get("act"), "the decision", _ACTS, InvoiceAct.ISSUE)
        of = wishes.word(asked.get("of"), "the invoice")
        return True, person.t(f"billing.{act}_title", of=of), person.t(f"billing.{act}_words"), "", {
            "act": act, "of": of,
        }  # fmt: skip

    @pages.on_operator(
        Output("billing-dialog", "opened", allow_duplicate=True),
        Output("billing-message", "children", allow_duplicate=True),
        Output("billing-lists", "children", allow_duplicate=True),
        Input("billing-yes", "n_clicks"),
        State("billing-wish", "data"),
        State("billing-said", "value"),
        initially=False,
    )
    def act(person: Person, clicks: object, wish: object, said: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return False, no_update, no_update
        act = wishes.one_of(wish.get("act"), "the decision", _ACTS, InvoiceAct.ISSUE)
        slug, _, number = wishes.word(wish.get("of"), "the invoice").rpartition("-")
        told = _decided(pages, person, act, slug, number, wishes.word(said, "the words", 400))
        return False, told, _lists(pages, person)


def _form(pages: Pages, person: Person) -> Component:
    t = person.t
    with pages.context.metadata.session() as session:
        tenants = session.execute(select(Tenant.slug, Tenant.name_zh, Tenant.name_en).order_by(Tenant.slug))
        data = [{"value": slug, "label": f"{t.of(zh, en)} ({slug})"} for slug, zh, en in tenants]
    last = f"{utc_now().astimezone(person.formats.zone).replace(day=1) - timedelta(days=1):%Y-%m}"
    return html.Div(
        [
            components.select(
                "billing-tenant", t("billing.tenant"), data, data[0]["value"] if data else None
            ),
            dmc.TextInput(
                id="billing-month", value=last, size="xs", maw=110, **components.labelled(t("billing.month"))
            ),
            dmc.Button(t("billing.issue_due"), id="billing-issue", size="xs"),
            dmc.Button(t("billing.reconcile"), id="billing-reconcile", size="xs", variant="default"),
        ],
        className="entry-buttons left",
    )


def _issued(pages: Pages, person: Person, slug: str, month: str) -> Component:
    from tundish_platform.api.billing_routes import month_of  # noqa: PLC0415 - as the API reads it
    from tundish_platform.api.errors import Problem  # noqa: PLC0415 - as above

    t = person.t
    try:
        upto = month_of(month)
        with pages.context.metadata.above(Above.BILLING).session() as session:
            scope = operator_scope(session, person.principal, slug)
            made = issue_due(session, scope, pages.context.catalogue, upto, utc_now())
    except (NotOver, Problem):
        return components.notice(Tone.BAD, t("billing.not_over"), t("billing.not_over_then"))
    except AccessDenied:
        return components.notice(Tone.BAD, t("billing.gone"), "")
    return components.done(t("billing.made", n=len(made)))


def _reconciled(pages: Pages, person: Person, slug: str) -> Component:
    t = person.t
    try:
        with pages.context.metadata.above(Above.BILLING).session() as session:
            scope = operator_scope(session, person.principal, slug)
            statements, found = differences(session, scope, utc_now())
    except AccessDenied:
        return components.notice(Tone.BAD, t("billing.gone"), "")
    if not found:
        return components.done(t("billing.agrees", n=statements))
    rows = [[one.where, one.what, one.billed, one.counted] for one in found]
    head = [t(f"billing.{name}") for name in ("where", "what", "billed", "counted")]
    return components.notice(
        Tone.BAD, t("billing.differs", n=len(found)), components.table(head, rows, t("billing.reconcile"))
    )


def _decided(pages: Pages, person: Person, act: InvoiceAct, slug: str, number: str, said: str) -> Component:
    t = person.t
    try:
        with pages.context.metadata.above(Above.BILLING).session() as session:
            scope = operator_scope(session, person.principal, slug)
            which = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0  # noqa: PLR2004 - below 2**31
            decide_invoice(session, scope, Manual(), which, act, said, utc_now())
    except InvoiceRefused as error:
        return components.refused(t, error)
    except PaymentUnknown:
        return components.notice(Tone.BAD, t("billing.no_reference"), "")
    except AccessDenied:
        return components.notice(Tone.BAD, t("billing.gone"), "")
    return components.done(t(f"billing.{act}_done"))


def _lists(pages: Pages, person: Person) -> list[Component]:
    t = person.t
    with pages.context.metadata.above(Above.BILLING).session() as session:
        by_state = {state: all_invoices(session, state, limit=SHOWN) for state in InvoiceState}
    panels = []
    for state, found in by_state.items():
        acts = [act for of, act in MOVES if of is state]
        rows = [
            invoice_entry(person, one, [_button(person, act, one.label) for act in acts]) for one in found
        ]
        shown = components.entries(rows) if rows else html.P(t("review.nothing"), className="muted")
        panels.append(components.panel(t(f"invoice.all_{state}"), shown))
    return panels


def _button(person: Person, act: InvoiceAct, of: str) -> Component:
    words = person.t(f"billing.{act}")
    return components.quiet(words, {"role": "invoice", "act": act.value, "of": of}, f"{words} {of}")
