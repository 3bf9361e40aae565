"""The worker's watch: what pipelines wrote becomes alerts once, whoever falls in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tundish_analytics import checks
from tundish_analytics.models.registry import Registry
from tundish_analytics.predictions import Prediction
from tundish_analytics.worker import Worker, loop
from tundish_analytics.worker.alerts import AlertWatch
from tundish_analytics.worker.hydraulic import HydraulicPipeline
from tundish_analytics.worker.output import Outputs
from tundish_analytics.worker.pipeline import Site
from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from pathlib import Path

LINE = "S/A/L"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Line:
    """A pipeline whose statements the test writes; its signals, its store and its rules are the real ones."""

    model_id: ClassVar[str] = HydraulicPipeline.model_id
    targets = HydraulicPipeline.targets

    def __init__(self, platform: Any, root: Path) -> None:  # noqa: ANN401 - the platform in memory
        self.site = Site(platform, "plant", LINE, (), Registry(root))
        self.outputs = Outputs(self.site.reader, LINE, self.model_id, self.targets)

    def says(self, *minutes: int, ill: bool, target: str = "cooler") -> int:
        meaning = checks.COOLER[20 if ill else 100]
        said = [
            Prediction(
                self.model_id, "v1", target, meaning.zh, meaning.en, 20.0 if ill else 100.0, "%", None, None,
                0.99, BEGIN + timedelta(minutes=n - 1), BEGIN + timedelta(minutes=n), 1.0, (),
                meaning.check_zh, meaning.check_en, BEGIN, BEGIN, 5,
            )
            for n in minutes
        ]  # fmt: skip
        return self.outputs.write(said)


@pytest.fixture
def line(memory_platform: Any, tmp_path: Path) -> Line:  # noqa: ANN401
    return Line(memory_platform, tmp_path)


def minutes(alerts: Any) -> list[tuple[str, float, float | None]]:  # noqa: ANN401 - the kept ones
    def since(text: str | None) -> float | None:
        return text and (datetime.fromisoformat(text) - BEGIN).total_seconds() / 60

    return [(one["target"], since(one["opened_at"]), since(one["closed_at"])) for one in alerts.kept.values()]


def test_statements_become_alerts_and_nothing_is_told_twice(line: Line, kept_alerts: Any) -> None:  # noqa: ANN401
    watch: Any = AlertWatch(kept_alerts)
    watch(line, line.says(1, 2, ill=True))
    assert minutes(kept_alerts) == []
    watch(line, line.says(3, ill=True) + line.says(3, 4, 5, ill=False, target="valve"))
    assert minutes(kept_alerts) == [("cooler", 3, None)]
    assert next(iter(kept_alerts.kept.values()))["target_zh"] == "冷却器状况"
    told = kept_alerts.told
    watch(line, 0)
    assert kept_alerts.told == told
    watch(line, line.says(4, 5, 6, ill=False))
    assert minutes(kept_alerts) == [("cooler", 3, 6)]


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_a_worker_that_falls_again_and_again_makes_the_same_alerts(
    line: Line,
    kept_alerts: Any,  # noqa: ANN401
    every: int,
) -> None:
    said = [True] * 4 + [False] * 2 + [True] * 2 + [False] * 4 + [True] * 2 + [False] + [True] + [False] * 3
    watch: Any = AlertWatch(kept_alerts)
    for minute, ill in enumerate(said, 1):
        written = line.says(minute, ill=ill)
        if minute % every == 0:
            # It dies after writing and before telling.
            watch = AlertWatch(kept_alerts)
        else:
            watch(line, written)
    AlertWatch(kept_alerts)(line, 0)  # type: ignore[arg-type] # the test's line has all that is used
    assert minutes(kept_alerts) == [("cooler", 3, 11), ("cooler", 16, 19)]


def test_what_could_not_be_told_is_told_later(line: Line, kept_alerts: Any) -> None:  # noqa: ANN401
    watch: Any = AlertWatch(kept_alerts)
    kept_alerts.away = True
    with pytest.raises(ApiError):
        watch(line, line.says(1, 2, 3, 4, ill=True))
    kept_alerts.away = False
    watch(line, 0)
    assert minutes(kept_alerts) == [("cooler", 3, None)]


def test_last_months_past_floods_nobody(line: Line, kept_alerts: Any) -> None:  # noqa: ANN401
    day = 24 * 60
    line.says(1, 2, 3, ill=True)
    line.says(4, 5, 6, ill=False)
    watch: Any = AlertWatch(kept_alerts)
    watch(line, line.says(2 * day, 2 * day + 1, 2 * day + 2, ill=True))
    assert minutes(kept_alerts) == [("cooler", 2 * day + 2, None)]


def test_an_open_alert_is_gone_on_with_however_long_the_worker_was_away(
    line: Line,
    kept_alerts: Any,  # noqa: ANN401
) -> None:
    day = 24 * 60
    AlertWatch(kept_alerts)(line, line.says(1, 2, 3, ill=True))  # type: ignore[arg-type] # as above
    line.says(4, 5, 6, ill=False)
    line.says(9 * day, ill=False)
    AlertWatch(kept_alerts)(line, 1)  # type: ignore[arg-type] # as above
    assert minutes(kept_alerts) == [("cooler", 3, 6)]


def test_an_unreadable_statement_hides_no_other(line: Line, kept_alerts: Any) -> None:  # noqa: ANN401
    line.says(1, 2, ill=True)
    place = f"{LINE}/Models/{line.model_id}/cooler/Evidence"
    line.site.client.put("plant", place, [int(BEGIN.timestamp()) + 150], ["{"])  # type: ignore[attr-defined] # in memory
    watch: Any = AlertWatch(kept_alerts)
    watch(line, line.says(3, ill=True))
    assert minutes(kept_alerts) == [("cooler", 3, None)]


def test_the_worker_watches_after_each_scoring(
    memory_platform: Any,  # noqa: ANN401
    line: Line,
    tmp_path: Path,
) -> None:
    seen: list[tuple[str, int]] = []
    worker = Worker(
        memory_platform,
        ["plant"],
        Registry(tmp_path),
        lambda _: None,
        lambda p, n: seen.append((p.model_id, n)),
    )

    class Scored(Line):
        def restore(self, _version: str | None = None) -> bool:
            return True

        def score(self) -> int:
            return 7

    scored: Any = Scored(memory_platform, tmp_path)
    scored.card = SimpleNamespace(version="v1")
    assert worker._turn(loop._Job(scored)) == 7
    assert seen == [(line.model_id, 7)]
