"""Where a real payment provider plugs in, and the one that needs none: somebody looks at the bank account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol


class PaymentUnknown(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The provider knows no such payment, or it does not fit what was asked for."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be paid.

    Attributes:
        reference: that the payer gives, unique over all tenants.
    """

    tenant: str
    reference: str
    fen: int


class PaymentProvider(Protocol):
    """A way to be paid. Each call may come twice with the same due, and must do the same."""

    @property
    def name(self) -> str:
        """Kept with the invoice."""
        ...

    def ask(self, due: Due) -> str:
        """Ask for a payment; returns what the payer is told, such as an address or an order's number."""
        ...

    def confirm(self, due: Due, reference: str) -> None:
        """Make sure that it was paid, under the provider's own reference.

        Raises:
            PaymentUnknown: it was not, or not this amount.
        """
        ...

    def cancel(self, due: Due) -> None:
        """Nothing is to be paid for it any more."""
        ...


@dataclass(frozen=True, slots=True)
class Manual:
    """Paid by bank transfer; the operator looks at the account and answers for what they declare."""

    name: Final = "manual"

    def ask(self, due: Due) -> str:
        """Tell what to write on the transfer."""
        return due.reference

    def confirm(self, due: Due, reference: str) -> None:
        """Believe the operator, who must name the bank's reference."""
        if not reference.strip():
            raise PaymentUnknown(f"{due.reference}: name the bank's reference of the payment")

    def cancel(self, due: Due) -> None:
        """Nobody else has to be told."""
        del due
