"""What leaves an enterprise for the bureau: one list of fields, and consent for what goes beyond it."""

from tundish_platform.programme.sharing.allowlist import (
    ALLOWED,
    NEEDS,
    NotAgreed,
    Record,
    disclose,
    disclosed,
)
from tundish_platform.programme.sharing.consents import (
    ConsentRefused,
    Given,
    agreed,
    agreeing,
    give,
    given,
    withdraw,
)
from tundish_platform.programme.sharing.purposes import Purpose, PurposeText, purposes

__all__ = [
    "ALLOWED",
    "NEEDS",
    "ConsentRefused",
    "Given",
    "NotAgreed",
    "Purpose",
    "PurposeText",
    "Record",
    "agreed",
    "agreeing",
    "disclose",
    "disclosed",
    "give",
    "given",
    "purposes",
    "withdraw",
]
