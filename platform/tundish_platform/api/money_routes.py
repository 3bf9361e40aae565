"""Routes above tenants about money: the operator's statements and invoices, the bureau's vouchers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, jsonify
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import billing_shapes as shapes
from tundish_platform.api.adoption import rounding_of
from tundish_platform.api.billing_routes import AFTER, BEFORE, LIMIT, month_of
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, word
from tundish_platform.api.params import text
from tundish_platform.api.vouchers import give_voucher, voucher_sums, vouchers_issued
from tundish_platform.marketplace.billing.invoices import (
    InvoiceAct,
    InvoiceState,
    all_invoices,
    decide_invoice,
)
from tundish_platform.marketplace.billing.payments import Manual
from tundish_platform.marketplace.billing.reconcile import differences
from tundish_platform.marketplace.billing.statements import issue_due
from tundish_platform.marketplace.billing.vouchers import VoucherTerms
from tundish_platform.programme.sharing import Record, disclose, disclosed
from tundish_platform.store.lifecycle.policy import operator_scope
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal, TenantScope

STATE: Final = word("state", ("any", *InvoiceState), "any", "How far the invoices have come.")
TENANT: Final = Query("tenant", "Short name of the tenant.", {"type": "string"}, required=True)

Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]

routes = Blueprint("money", __name__)


class Billing(BaseModel):
    """Whose statements are issued, up to which month."""

    model_config = ConfigDict(extra="forbid")

    tenant: Slug
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]


class InvoiceDecision(BaseModel):
    """What is done with an invoice; ``said`` is the payment's reference, or the reason of a cancellation."""

    model_config = ConfigDict(extra="forbid")

    tenant: Slug
    number: Annotated[int, Field(ge=1, le=2**31 - 1)]
    act: InvoiceAct
    said: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] = ""


@routes.post("/billing/statements")
@guarded_above(Permission.OPERATE, person=True)
@described(body=Billing, answer=list[shapes.Statement])
def statements_issue(principal: Principal, body: Billing) -> ResponseReturnValue:
    """Issue a tenant's statements that are due up to a month, each once."""
    month = month_of(body.month)
    with platform().metadata.above(Above.BILLING).session() as session:
        scope = _scope(session, principal, body.tenant)
        made = issue_due(session, scope, platform().catalogue, month, utc_now())
    return jsonify(
        told(
            list[shapes.Statement],
            [{name: getattr(one, name) for name in shapes.Statement.model_fields} for one in made],
        )
    )


@routes.get("/billing/invoices")
@guarded_above(Permission.OPERATE)
@described(STATE, BEFORE, LIMIT, answer=list[shapes.Invoice], headers=(LINK,))
def invoices(_principal: Principal) -> ResponseReturnValue:
    """All tenants' invoices, the newest first."""
    state, limit = STATE.read(), LIMIT.read()
    wanted = None if state == "any" else InvoiceState(state)
    with platform().metadata.above(Above.BILLING).session() as session:
        found = all_invoices(session, wanted, BEFORE.read(), limit)
    return paged(told(list[shapes.Invoice], found), "before", last_of(found, limit))


@routes.post("/billing/invoices/decision")
@guarded_above(Permission.OPERATE, person=True)
@described(body=InvoiceDecision, answer=shapes.Invoice)
def invoice_decide(principal: Principal, body: InvoiceDecision) -> ResponseReturnValue:
    """Issue an invoice, declare it paid, or cancel it with a credit note."""
    with platform().metadata.above(Above.BILLING).session() as session:
        scope = _scope(session, principal, body.tenant)
        found = decide_invoice(session, scope, Manual(), body.number, body.act, body.said, utc_now())
    return jsonify(told(shapes.Invoice, found))


@routes.get("/billing/reconciliation")
@guarded_above(Permission.OPERATE)
@described(TENANT, answer=shapes.Reconciled)
def reconciliation(principal: Principal) -> ResponseReturnValue:
    """Whether a tenant's statements are what its runs come to, counted anew in another way."""
    with platform().metadata.above(Above.BILLING).session() as session:
        scope = _scope(session, principal, text("tenant", 40))
        statements, found = differences(session, scope, utc_now())
    return jsonify(told(shapes.Reconciled, {"statements": statements, "differences": found}))


@routes.post("/programme/enterprises/<uscc>/vouchers")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=VoucherTerms, answer=shapes.VoucherIssued, status=201)
def voucher_issue(principal: Principal, uscc: str, body: VoucherTerms) -> ResponseReturnValue:
    """Give a voucher to an enterprise that has a tenant here."""
    with platform().metadata.above(Above.BILLING).session() as session:
        made = give_voucher(session, principal, uscc, body, utc_now())
    return jsonify(disclose(Record.VOUCHER, told(shapes.VoucherIssued, made))), 201


@routes.get("/programme/vouchers")
@guarded_above(Permission.PROGRAMME)
@described(AFTER, LIMIT, answer=list[shapes.VoucherIssued], headers=(LINK,))
def vouchers(_principal: Principal) -> ResponseReturnValue:
    """Vouchers as they were issued; what is left of each is the enterprise's to know."""
    limit = LIMIT.read()
    with platform().metadata.above(Above.BILLING).session() as session:
        found = vouchers_issued(session, AFTER.read(), limit)
    rows = disclosed(Record.VOUCHER, told(list[shapes.VoucherIssued], found))
    return paged(rows, "after", last_of(found, limit))


@routes.get("/programme/vouchers/sums")
@guarded_above(Permission.PROGRAMME)
@described(answer=shapes.VoucherSums)
def voucher_totals(_principal: Principal) -> ResponseReturnValue:
    """Issued, redeemed and expired, by county and industry: rounded, without cells that tell of one."""
    secret = rounding_of(platform())
    with platform().metadata.above(Above.BILLING).session() as session:
        return jsonify(told(shapes.VoucherSums, voucher_sums(session, utc_now().date(), secret)))


def _scope(session: Session, principal: Principal, slug: str) -> TenantScope:
    try:
        return operator_scope(session, principal, slug)
    except AccessDenied:
        raise Problem(404, "There is no such tenant.", "没有该企业。", "unknown_tenant") from None
