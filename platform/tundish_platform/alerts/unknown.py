"""What is raised for an alert that is not there."""

from __future__ import annotations


class UnknownAlert(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such alert where the scope may do this."""
