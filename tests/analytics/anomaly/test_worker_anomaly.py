"""The generic watch over a platform in memory: history in, scores with evidence out, each window once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Worker, loop
from tundish_analytics.worker.anomaly import AnomalyPipeline
from tundish_analytics.worker.pipeline import sites_of
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_analytics.worker import Progress

TENANT, LINE, SIGNALS, PERIOD = "plant", "S/Shop/L1", 6, 5
START = (int(time.time()) - 5 * 86_400) // 60 * 60
MODEL = f"{LINE}/Models/anomaly-watch/anomaly"
HISTORY = 340


def path(number: int) -> str:
    return f"{LINE}/M1/Part/Signal{number}"


def measured(count: int = SIGNALS, **more: Any) -> list[SignalSpec]:  # noqa: ANN401 - fields of SignalSpec
    fields = {
        "name_zh": "信号",
        "name_en": "signal",
        "semantic": "temperature",
        "unit": "Cel",
        "period_s": PERIOD,
    }
    return [SignalSpec(path=path(n), **(fields | more)) for n in range(count)]


def play(platform: Any, first: int, windows: int, *, off: int | None = None, only: int = SIGNALS) -> None:  # noqa: ANN401 - the platform in memory
    """Minutes of six temperatures that follow one load; `off` leaves the others by three degrees."""
    rng = np.random.default_rng(first)
    per = 60 // PERIOD
    load = np.repeat(rng.normal(size=windows), per)
    ts = START + 60 * first + PERIOD * np.arange(windows * per)
    for number in range(only):
        values = 50 + 10 * number + (1 + number) * load + 0.5 * rng.normal(size=len(ts))
        platform.put(TENANT, path(number), ts, (values + 3 * (number == off)).tolist())


def ticks(platform: Any, root: Path, count: int = 1) -> list[Progress]:  # noqa: ANN401 - the platform in memory
    told: list[Progress] = []
    worker = Worker(platform, [TENANT], Registry(root), told.append)
    for _ in range(count):
        worker.tick()
    return told


def texts(platform: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - the platform in memory
    return [json.loads(text) for text in platform.stored(TENANT, f"{MODEL}/Evidence")]


@pytest.fixture
def trained(memory_platform: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """A platform whose history was learnt; its models lie in `tmp_path`."""
    monkeypatch.setattr(loop, "_TRAIN_RETRY_S", 0.0)
    label = SignalSpec(
        path=f"{LINE}/M1/Check/State", name_zh="检验", name_en="inspected", semantic="label",
        kind=SampleKind.TEXT, role=SignalRole.LABEL,
    )  # fmt: skip
    memory_platform.put_signals(TENANT, "gateway", [*measured(), label])
    play(memory_platform, 0, HISTORY)
    memory_platform.put(TENANT, label.path, START + 60 * np.arange(HISTORY) + 30, ["fine"] * HISTORY)
    stages = [p.stage for p in ticks(memory_platform, tmp_path, 2)]
    assert stages == ["waiting", "training", "ready"]
    return memory_platform


def test_a_signal_that_leaves_the_others_raises_the_score_and_is_named(trained: Any, tmp_path: Path) -> None:  # noqa: ANN401
    play(trained, HISTORY, 40)
    ticks(trained, tmp_path)
    play(trained, HISTORY + 40, 20, off=3)
    ticks(trained, tmp_path)
    told = texts(trained)
    ends = [text["window_end"] for text in told]
    # The history's last window was not whole yet when the model was trained.
    assert len(told) == len(set(ends))
    assert len(told) in {59, 60, 61}
    numbers = {signal.path: signal.id for signal in trained.signals(TENANT)}
    written = [number for number, _ in trained.ingested].count(numbers[f"{MODEL}/Evidence"])
    assert written == len(told), "some window scored twice"

    values = np.array([text["value"] for text in told])
    assert np.mean(values[:38] >= 0.99) < 0.15
    assert np.mean(values[-18:] >= 0.99) > 0.9
    last = told[-1]
    assert last["evidence"][0]["signal"] == path(3)
    assert last["evidence"][0]["value"] - last["evidence"][0]["expected"] == pytest.approx(3.0, abs=1.5)
    assert sum(item["contribution"] for item in last["evidence"]) <= 1.0001
    assert last["label_zh"]
    assert last["check_en"].startswith("Look at the signals")
    likened = told[0]["similar"]
    assert [case["distance"] for case in likened] == sorted(case["distance"] for case in likened)
    assert "inspected fine" in likened[0]["label"]
    assert any("unusual" in case["label"] for case in last["similar"]), "earlier alarms are cases, too"


def test_it_says_nothing_of_a_window_that_mostly_lacks(trained: Any, tmp_path: Path) -> None:  # noqa: ANN401
    play(trained, HISTORY, 8, only=2)
    ticks(trained, tmp_path)
    abstained = [text for text in texts(trained) if text["completeness"] < 0.6]
    assert abstained
    assert all(text["value"] is None and text["label_en"].startswith("Too little") for text in abstained)
    assert abstained[0]["evidence"][0]["value"] == 0.0


def test_one_silent_signal_is_borne(trained: Any, tmp_path: Path) -> None:  # noqa: ANN401
    play(trained, HISTORY, 30, only=5)
    ticks(trained, tmp_path)
    values = [text["value"] for text in texts(trained) if 0.8 < text["completeness"] < 0.9]
    assert len(values) > 20
    assert np.mean(np.array(values) >= 0.99) < 0.2


def test_lines_it_cannot_watch_are_left_alone(memory_platform: Any, tmp_path: Path) -> None:  # noqa: ANN401
    registry = Registry(tmp_path)

    def bound(specs: list[SignalSpec]) -> AnomalyPipeline | None:
        platform = type(memory_platform)()
        platform.put_signals(TENANT, "gateway", specs)
        (site,) = sites_of(platform, TENANT, registry)
        return AnomalyPipeline.bind(site)

    assert bound(measured(5)) is not None
    assert bound(measured(4)) is None
    assert bound(measured(period_s=None)) is None
    assert bound(measured(role=SignalRole.SETPOINT)) is None
    assert bound(measured(kind=SampleKind.INTEGER)) is None


def test_without_enough_history_it_waits(
    memory_platform: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "_TRAIN_RETRY_S", 0.0)
    memory_platform.put_signals(TENANT, "gateway", measured())
    assert {p.stage for p in ticks(memory_platform, tmp_path, 2)} == {"waiting"}
    play(memory_platform, 0, 50)
    told = ticks(memory_platform, tmp_path, 2)
    assert {p.stage for p in told} == {"waiting"}
    assert "300" in told[-1].en
