"""What a new training would gain, tried on data that it has not seen: out of time, and stored nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tundish_analytics.worker.pipeline import NotReady, Pipeline
from tundish_analytics.worker.trial import Trial, silent, twin
from tundish_analytics.worker.windows import from_us, to_us
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from tundish_analytics.worker.windows import Windows
    from tundish_platform.samples import SampleBatch, SignalInfo, SignalSpec

# Of the time since training, the part that a trial training may use; the rest judges.
_LEARNT: Final = 0.7
_MOST_TURNS: Final = 200


@dataclass(slots=True)
class _Until:
    """The platform as it was at an instant; all of it once `end` is gone."""

    client: Windows
    end: datetime | None

    def signals(self, tenant: str) -> list[SignalInfo]:
        return self.client.signals(tenant)

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        return self.client.put_signals(tenant, source, specs)

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        return self.client.ingest(tenant, batches)

    def samples(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        last = end if self.end is None else max(min(end, self.end), start)
        return self.client.samples(tenant, signals, start, last, kind)

    def latest(self, tenant: str, signals: Iterable[int] | None = None) -> Sequence[Mapping[str, Any]]:
        return self.client.latest(tenant, signals)


def out_of_time(pipeline: Pipeline, newest_us: int) -> dict[str, Any] | None:
    """Train on the history up to a split, and compare with the version in use on what came after.

    Args:
        pipeline: with the version in use, which was trained before the split.
        newest_us: source time up to which data was looked at, in microseconds.

    Returns:
        The comparison, or ``None`` where there is nothing to learn from or nothing to judge by.
    """
    trained = to_us(datetime.fromisoformat(pipeline.card.trained_to))
    split = trained + int(_LEARNT * (newest_us - trained))
    until = _Until(pipeline.site.client, from_us(split))
    site = replace(pipeline.site, client=until)
    fresh = type(pipeline).bind(site)
    if fresh is None:
        return None
    silent(fresh).skip_import_check()
    try:
        fresh.train(lambda: None)
    except NotReady:
        return None
    until.end = None
    trial = Trial((twin(pipeline, pipeline.card.version), fresh))
    trial.begin(split)
    for _ in range(_MOST_TURNS):
        if not trial.turn():
            break
    found = trial.document()
    judged = any(target["judged"] for target in found["targets"].values())
    return found | {"split": from_us(split).isoformat(), "cases": fresh.card.cases} if judged else None
