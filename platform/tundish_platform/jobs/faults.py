"""Why something about a job is refused."""

from __future__ import annotations


class UnknownJob(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such job."""


class UnknownSchedule(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such schedule."""


class TooManyJobs(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """As many of the tenant's jobs wait as may, or it has as many schedules."""


class LeaseLost(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The job is no longer the worker's: it was silent for too long, and another one may have it."""


class CronRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The text is no cron expression of five fields, or no moment fits it."""
