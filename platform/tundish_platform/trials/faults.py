"""Why something about a trial is refused."""

from __future__ import annotations


class UnknownTrial(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such trial, or it does not run any more where it should."""


class NoHistory(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """There is no sample of the signals that the app would read."""


class TooManyTrials(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """As many of the tenant's trials wait or run as may."""


class TrialOver(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The trial does not run, so nothing of it may be read or said."""
