"""Jobs of one line over a platform in memory, with the shipped recording of three devices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_analytics.jobs import Hopeless, Over, Tools
from tundish_analytics.jobs.line import evaluate_line, train_line
from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Worker, loop
from tundish_platform.samples import SampleKind, SignalSpec

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

TENANT, LINE, MODEL = "plant", "ZZ/Lab/PCT", "mosfet-life"
BASE = f"{LINE}/PCT1/Channel2"
START = int(time.time()) - 7 * 86_400


def job(line: str = LINE) -> Any:  # noqa: ANN401 - as the platform says
    return {"id": 1, "tenant": TENANT, "arguments": {"line": line}}


def unsaid(_share: float, _zh: str, _en: str) -> None:
    pass


@pytest.fixture
def tools(memory_platform: Any, mosfet_records: pd.DataFrame, tmp_path: Path) -> Tools:  # noqa: ANN401
    specs = [
        SignalSpec(path=f"{BASE}/DeltaRdsOn", name_zh="d", name_en="d", semantic="resistance.rds_on.delta"),
        SignalSpec(
            path=f"{BASE}/AgeCount", name_zh="n", name_en="n", semantic="count.cycle", kind=SampleKind.INTEGER
        ),
    ]
    memory_platform.put_signals(TENANT, "gateway", specs)
    first = 0
    for _, part in mosfet_records.groupby("device"):
        ts = START + first + np.arange(len(part))
        memory_platform.put(TENANT, f"{BASE}/DeltaRdsOn", ts, part["dR"].astype(float).tolist())
        memory_platform.put(TENANT, f"{BASE}/AgeCount", ts, list(range(len(part))))
        first += len(part)
    return Tools(memory_platform, Registry(tmp_path))


def test_training_makes_a_new_version_and_tells_how_far_it_is(tools: Tools) -> None:
    told: list[tuple[float, str, str]] = []
    result = train_line(tools, job(), lambda *said: told.append(said))
    (model,) = result["models"]
    assert (model["model"], model["cases"], result["waiting"]) == (MODEL, 3, [])
    assert model["version"] == tools.registry.current(TENANT, LINE, MODEL)
    assert [share for share, _, _ in told] == [0.0, 0.0, 1.0]
    assert all(zh and en for _, zh, en in told)


def test_evaluating_stores_nothing_and_shows_the_model_in_use_beside(tools: Tools) -> None:
    (before,) = evaluate_line(tools, job(), unsaid)["models"]
    assert before["in_use"] is None
    assert tools.registry.versions(TENANT, LINE, MODEL) == []
    (trained,) = train_line(tools, job(), unsaid)["models"]
    (after,) = evaluate_line(tools, job(), unsaid)["models"]
    assert after["in_use"] == trained
    assert after["metrics"] == trained["metrics"], "the same history by the same protocol"
    assert tools.registry.versions(TENANT, LINE, MODEL) == [trained["version"]]


def test_a_line_without_models_is_hopeless_and_a_cancelled_job_trains_nothing(tools: Tools) -> None:
    with pytest.raises(Hopeless, match="No model"):
        train_line(tools, job("no/such/line"), unsaid)

    def over(_share: float, _zh: str, _en: str) -> None:
        raise Over

    with pytest.raises(Over):
        train_line(tools, job(), over)
    assert tools.registry.versions(TENANT, LINE, MODEL) == []


def test_live_scoring_keeps_its_model_until_a_person_decides(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_REDISCOVER_S", 0.0)
    worker = Worker(tools.client, [TENANT], tools.registry, lambda _: None)
    (first,) = train_line(tools, job(), unsaid)["models"]
    worker.tick()
    (live,) = worker._jobs.values()
    assert live.pipeline.card.version == first["version"]
    kept = live.pipeline
    worker.tick()
    assert live.pipeline is kept, "nothing new, nothing loaded"
    (second,) = train_line(tools, job(), unsaid)["models"]
    worker.tick()
    assert live.pipeline.card.version == first["version"] != second["version"]
