"""Live hit rate: predictions compared with the inspections that come later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_analytics.worker.notes import Case

if TYPE_CHECKING:
    from tundish_analytics.worker.output import Outputs
    from tundish_analytics.worker.windows import Reader


@dataclass(slots=True)
class _Tally:
    hits: int = 0
    answered: int = 0
    judged: int = 0


class LiveHits:
    """Counts per target how often the model was right on live data, each case once.

    Cases the model abstained from count as judged but not as answered; the hit rate is over the answered
    ones. Counting goes on over restarts, because the counts stand in the store.

    Args:
        outputs: where the rates are written.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._tally: dict[str, _Tally] = {}
        self._position: dict[str, int] = {}

    def restore(self, reader: Reader) -> None:
        """Take up the counts where the store has them."""
        leaves = {leaf: self._outputs.leaf_ids(leaf) for leaf in ("HitRate", "HitCount", "AnsweredShare")}
        ids = [number for by_target in leaves.values() for number in by_target.values()]
        newest = {int(row["signal"]): row for row in reader.client.latest(reader.tenant, ids)}
        positions = reader.latest_us(ids)
        for target, count_id in leaves["HitCount"].items():
            if count_id not in newest:
                continue
            judged = round(newest[count_id]["value"])
            answered = round(judged * newest[leaves["AnsweredShare"][target]]["value"])
            rate = newest.get(leaves["HitRate"][target], {"value": 0.0})["value"]
            self._tally[target] = _Tally(round(answered * rate), answered, judged)
            self._position[target] = positions[count_id]

    def position_us(self, target: str) -> int | None:
        """Source time of the last judged label of a target."""
        return self._position.get(target)

    def judge(self, target: str, cases: list[tuple[int, bool | None]], ends: list[int] | None = None) -> None:
        """Count cases and write the new rate.

        Args:
            target: which.
            cases: source time of the label and whether the prediction was right, ``None`` for abstained;
                rising, each later than `position_us`.
            ends: of the windows the cases were predicted from; the labels' own times if absent.
        """
        if not cases:
            return
        tally = self._tally.setdefault(target, _Tally())
        for _, right in cases:
            tally.judged += 1
            tally.answered += right is not None
            tally.hits += right is True
        self._position[target] = cases[-1][0]
        row = {"HitCount": float(tally.judged), "AnsweredShare": tally.answered / tally.judged}
        if tally.answered:
            row["HitRate"] = tally.hits / tally.answered
        self._outputs.write_hits([(target, cases[-1][0], row)])
        if self._outputs.notes is not None:
            windows = zip(cases, ends or [ts for ts, _ in cases], strict=True)
            self._outputs.notes.judged([Case(target, ts, end, right) for (ts, right), end in windows])
