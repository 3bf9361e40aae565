"""Jobs: one queue in the metadata database, fair over tenants, with leases that outlive no worker."""

from tundish_platform.jobs.asking import KEPT, MAX_QUEUED, ask_job, cancel_job, hold_turn
from tundish_platform.jobs.claiming import anything_due, claim_job, tenants_served
from tundish_platform.jobs.faults import CronRefused, LeaseLost, TooManyJobs, UnknownJob, UnknownSchedule
from tundish_platform.jobs.kinds import (
    ASKABLE,
    ENDED,
    JobKind,
    JobSpec,
    JobState,
    OfLine,
    OfMachines,
    OfTrial,
    TrialJob,
)
from tundish_platform.jobs.reporting import Hold, pause_after, report_done, report_failed, report_progress
from tundish_platform.jobs.schedules import (
    MAX_SCHEDULES,
    Schedule,
    ScheduleSpec,
    list_schedules,
    make_schedule,
    next_time,
    remove_schedule,
)
from tundish_platform.jobs.views import MAX_PAGE, ClaimedJob, JobInfo, find_job, list_jobs

__all__ = [
    "ASKABLE",
    "ENDED",
    "KEPT",
    "MAX_PAGE",
    "MAX_QUEUED",
    "MAX_SCHEDULES",
    "ClaimedJob",
    "CronRefused",
    "Hold",
    "JobInfo",
    "JobKind",
    "JobSpec",
    "JobState",
    "LeaseLost",
    "OfLine",
    "OfMachines",
    "OfTrial",
    "Schedule",
    "ScheduleSpec",
    "TooManyJobs",
    "TrialJob",
    "UnknownJob",
    "UnknownSchedule",
    "anything_due",
    "ask_job",
    "cancel_job",
    "claim_job",
    "find_job",
    "hold_turn",
    "list_jobs",
    "list_schedules",
    "make_schedule",
    "next_time",
    "pause_after",
    "remove_schedule",
    "report_done",
    "report_failed",
    "report_progress",
    "tenants_served",
]
