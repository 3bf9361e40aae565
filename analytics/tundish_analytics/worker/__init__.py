"""The worker: models over the platform's HTTP interface, predictions back as signals."""

from tundish_analytics.worker.loop import Progress, Worker, run_worker, train
from tundish_analytics.worker.pipeline import NotReady, Pipeline
from tundish_analytics.worker.windows import Windows

__all__ = ["NotReady", "Pipeline", "Progress", "Windows", "Worker", "run_worker", "train"]
