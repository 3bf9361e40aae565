"""A subscription's life, and money: usage, statements, vouchers, invoices; amounts in fen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tundish_platform.sdk.calls.paths import below, given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tundish_platform.sdk.calls.billing_answers import (
        Cancelled,
        Invoice,
        Reconciled,
        Statement,
        StatementWhole,
        SubscriptionChange,
        Usage,
        Voucher,
        VoucherIssued,
        VoucherSums,
    )
    from tundish_platform.sdk.calls.plant_answers import Subscription


class BillingCalls(Transport):
    """For who subscribes, for the operator who bills, and for the bureau that helps to pay."""

    def subscription_changes(self, tenant: str, app: str) -> Iterator[SubscriptionChange]:
        """Who did what to the tenant's subscriptions to an app, newest first, page by page."""
        return self._every(of(tenant, "subscriptions", app, "changes"))

    def pause_subscription(self, tenant: str, app: str) -> Subscription:
        """Let the app rest: no runs, no charge for whole days of it, data kept."""
        paused: Subscription = self._post(of(tenant, "subscriptions", app, "pause"))
        return paused

    def resume_subscription(self, tenant: str, app: str) -> Subscription:
        """Let a paused app run again."""
        resumed: Subscription = self._post(of(tenant, "subscriptions", app, "resume"))
        return resumed

    def change_plan(self, tenant: str, app: str, plan: str) -> Subscription:
        """Change to another plan of the app, at once."""
        changed: Subscription = self._post(of(tenant, "subscriptions", app, "plan"), {"plan": plan})
        return changed

    def cancel_subscription(
        self, tenant: str, app: str, outputs: Literal["keep", "remove"] = "keep"
    ) -> Cancelled:
        """Cancel; what the app wrote is kept, or removed for good."""
        path = of(tenant, "subscriptions", app, "cancellation")
        done: Cancelled = self._post(path, {"outputs": outputs})
        return done

    def give_grant(self, tenant: str, app: str, signal: int) -> Subscription:
        """Let the app read one more signal that it asks for."""
        given_to: Subscription = self._json("PUT", of(tenant, "grants", app, signal))
        return given_to

    def withdraw_grant(self, tenant: str, app: str, signal: int) -> Subscription:
        """Take one signal from the app."""
        taken_from: Subscription = self._json("DELETE", of(tenant, "grants", app, signal))
        return taken_from

    def usage(self, tenant: str, month: str | None = None) -> Usage:
        """What the subscriptions used in a month like ``2026-01``, and what that comes to."""
        found: Usage = self._json("GET", of(tenant, "usage"), params=given(month=month))
        return found

    def statements(self, tenant: str) -> Iterator[Statement]:
        """The tenant's monthly statements, newest first, page by page."""
        return self._every(of(tenant, "statements"))

    def statement(self, tenant: str, number: int) -> StatementWhole:
        """A statement with its lines and the usage of each day."""
        found: StatementWhole = self._json("GET", of(tenant, "statements", number))
        return found

    def save_statement(
        self, tenant: str, number: int, file: Path, form: str = "xlsx", language: str = "zh"
    ) -> int:
        """Write a statement to an Excel or PDF file; returns its bytes."""
        path = of(tenant, "statements", number, "file")
        return self._save(path, given(format=form, language=language), file)

    def vouchers(self, tenant: str) -> Iterator[Voucher]:
        """The tenant's own vouchers, page by page."""
        return self._every(of(tenant, "vouchers"))

    def invoices(self, tenant: str) -> Iterator[Invoice]:
        """The invoices that were issued to the tenant, newest first, page by page."""
        return self._every(of(tenant, "invoices"))

    def issue_statements(self, tenant: str, month: str) -> list[Statement]:
        """Issue a tenant's statements that are due up to a month; for operators, in person."""
        made: list[Statement] = self._json(
            "POST", "/billing/statements", json={"tenant": tenant, "month": month}
        )
        return made

    def all_invoices(self, state: str = "any") -> Iterator[Invoice]:
        """Every tenant's invoices, newest first, page by page; for operators."""
        return self._every("/billing/invoices", given(state=state))

    def decide_invoice(self, tenant: str, number: int, act: str, said: str = "") -> Invoice:
        """Issue an invoice, declare it paid with a reference, or cancel it; for operators, in person."""
        body: dict[str, Any] = {"tenant": tenant, "number": number, "act": act, "said": said}
        decided: Invoice = self._json("POST", "/billing/invoices/decision", json=body)
        return decided

    def reconcile(self, tenant: str) -> Reconciled:
        """Whether a tenant's statements are what its runs come to; for operators."""
        found: Reconciled = self._json("GET", "/billing/reconciliation", params=given(tenant=tenant))
        return found

    def give_voucher(self, uscc: str, terms: dict[str, Any]) -> VoucherIssued:
        """Give a voucher to an enterprise; for the bureau, in person."""
        made: VoucherIssued = self._json(
            "POST", below("programme", "enterprises", uscc, "vouchers"), json=terms
        )
        return made

    def vouchers_issued(self) -> Iterator[VoucherIssued]:
        """What vouchers the bureau gave, page by page; for the bureau."""
        return self._every("/programme/vouchers")

    def voucher_sums(self) -> VoucherSums:
        """Vouchers issued, redeemed and expired, by county and industry; for the bureau."""
        found: VoucherSums = self._json("GET", "/programme/vouchers/sums")
        return found
