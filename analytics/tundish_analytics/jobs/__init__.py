"""The worker's side of the queue: takes jobs, does them beside live scoring, and says how far it is."""

from tundish_analytics.jobs.held import Hopeless, Over
from tundish_analytics.jobs.loop import KINDS, run_jobs, take_one
from tundish_analytics.jobs.tools import Tools

__all__ = ["KINDS", "Hopeless", "Over", "Tools", "run_jobs", "take_one"]
