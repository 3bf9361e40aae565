"""History in, predictions out, over a platform in memory, with the shipped recording."""

from __future__ import annotations

import copy
import json
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Worker, loop
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_analytics.tables import HydraulicData
    from tundish_analytics.worker import Progress, Windows

TENANT, LINE, START = "cylinders", "SY/Shop/CYL1", int(time.time()) - 7 * 86_400
LABELS = ("cooler", "valve", "pump_leakage", "accumulator")
BAD = 0x80000000
MODELS = f"{LINE}/Models/hydraulic-condition"


@dataclass
class Bench:
    """Where the cycles of history and live part lie in the recording, and when they were played."""

    platform: Any
    data: HydraulicData
    history: np.ndarray
    live: np.ndarray

    def play(self, cycles: np.ndarray, first: int, silent: int | None = None) -> None:
        starts = START + 60 * (first + np.arange(len(cycles)))
        seconds = (starts[:, None] + np.arange(60)).ravel()
        for column in range(len(self.data.semantics)):
            values = self.data.windows[cycles][:, :, column].ravel()
            status = np.zeros(len(values), dtype=int)
            if silent is not None:
                # One sample in a hundred is bad, and one signal says nothing at all.
                status[((seconds - START) * 31 + column) % 100 == 0] = BAD
            if column == silent:
                continue
            shown = np.where(status == BAD, np.nan, values)
            self.platform.put(TENANT, signal_path(column), seconds, shown, status.tolist())
        self.platform.put(
            TENANT, f"{LINE}/HPU1/Bench/CycleCount", starts, list(range(first, first + len(cycles)))
        )

    def inspect(self, cycles: np.ndarray, first: int) -> None:
        ends = START + 60 * (first + np.arange(len(cycles))) + 59
        for column, name in enumerate(LABELS):
            self.platform.put(TENANT, label_path(name), ends, self.data.labels[cycles, column].tolist())


def signal_path(column: int) -> str:
    return f"{LINE}/HPU1/Part/Signal{column:02d}"


def label_path(name: str) -> str:
    return f"{LINE}/HPU1/Inspection/{name}"


def declare(platform: Windows, data: HydraulicData) -> None:
    specs = [
        SignalSpec(path=signal_path(n), name_zh=s, name_en=s, semantic=s, period_s=1)
        for n, s in enumerate(data.semantics)
    ]
    specs += [
        SignalSpec(
            path=label_path(n),
            name_zh=n,
            name_en=n,
            semantic=f"label.hydraulic.{n}",
            role=SignalRole.LABEL,
        )
        for n in LABELS
    ]
    specs.append(
        SignalSpec(
            path=f"{LINE}/HPU1/Bench/CycleCount",
            name_zh="c",
            name_en="c",
            semantic="count.cycle",
            kind=SampleKind.INTEGER,
        )
    )
    platform.put_signals(TENANT, "gateway", specs)


@pytest.fixture(scope="module")
def trained(
    new_platform: type[Any], hydraulic_data: HydraulicData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Bench, Path]:
    """A bench whose history is in the store, and the registry with the model trained on it."""
    platform, root = new_platform(), tmp_path_factory.mktemp("models")
    declare(platform, hydraulic_data)
    blocks = hydraulic_data.blocks
    history = np.flatnonzero(blocks % 2 == 0)[::3]
    live = np.flatnonzero(blocks % 2 == 1)[::18]
    bench = Bench(platform, hydraulic_data, history, live)
    bench.play(bench.history, 0)
    bench.inspect(bench.history, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_TRAIN_RETRY_S", 0.0)
        told = run(bench, root, 2)
    assert [p.stage for p in told] == ["waiting", "training", "ready"]
    return bench, root


@pytest.fixture
def bench(trained: tuple[Bench, Path], tmp_path: Path) -> Bench:
    """A copy of the trained bench; its models lie in `tmp_path`."""
    shutil.copytree(trained[1], tmp_path, dirs_exist_ok=True)
    # The models are signed; who takes them along takes the key along.
    shutil.copy(trained[1].with_name(f"{trained[1].name}.key"), tmp_path.with_name(f"{tmp_path.name}.key"))
    return replace(trained[0], platform=copy.deepcopy(trained[0].platform))


def run(bench: Bench, root: Path, ticks: int) -> list[Progress]:
    told: list[Progress] = []
    worker = Worker(bench.platform, [TENANT], Registry(root), told.append)
    for _ in range(ticks):
        worker.tick()
    # The watch without labels is bound to the same line.
    return [p for p in told if p.model == "hydraulic-condition"]


def stored(bench: Bench, path: str) -> list[Any]:
    return bench.platform.stored(TENANT, f"{MODELS}/{path}")


def test_live_cycles_are_scored_once_judged_and_taken_up_after_a_restart(
    bench: Bench, tmp_path: Path
) -> None:
    silent = bench.data.semantics.index("power.cooling")
    half = len(bench.live) // 2
    first, second = len(bench.history), len(bench.history) + half

    bench.play(bench.live[:half], first, silent)
    bench.inspect(bench.live[:half], first)
    run(bench, tmp_path, 3)
    bench.play(bench.live[half:], second, silent)
    bench.inspect(bench.live[half:], second)
    run(bench, tmp_path, 3)

    texts = [json.loads(text) for text in stored(bench, "accumulator/Evidence")]
    # All but the last cycle: with a signal silent, the end is only certain when two more cycles have come.
    expected = len(bench.live) - 2
    assert len(texts) in {expected, expected + 1}
    evidence = [number for number, _ in bench.platform.ingested]
    by_path = {s.path: s.id for s in bench.platform.signals(TENANT)}
    assert evidence.count(by_path[f"{MODELS}/accumulator/Evidence"]) == len(texts), "some cycle scored twice"

    truth = bench.data.labels[bench.live][: len(texts)]
    for column, name in enumerate(LABELS):
        right = np.mean(np.array(stored(bench, f"{name}/Value")) == truth[:, column])
        assert stored(bench, f"{name}/HitCount")[-1] == len(texts)
        assert stored(bench, f"{name}/HitRate")[-1] == pytest.approx(right)
        assert right > 0.85
    assert all(0.9 < text["completeness"] < 0.96 for text in texts)
    assert all(len(text["evidence"]) == 5 and text["check_zh"] and text["trained_to"] for text in texts)


def test_a_cycle_without_data_gets_a_statement_without_a_value(bench: Bench, tmp_path: Path) -> None:
    first = len(bench.history)
    starts = START + 60 * (first + np.arange(3))
    bench.platform.put(TENANT, f"{LINE}/HPU1/Bench/CycleCount", starts, [first, first + 1, first + 2])
    for column in range(len(bench.data.semantics)):
        # Only the second cycle's last seconds and the third cycle arrive.
        seconds = np.arange(starts[1] + 50, starts[2] + 60)
        bench.platform.put(TENANT, signal_path(column), seconds, [1.0] * len(seconds))
    run(bench, tmp_path, 2)
    texts = [json.loads(text) for text in stored(bench, "pump_leakage/Evidence")]
    assert [text["value"] is None for text in texts] == [True, True, False]
    assert texts[0]["label_en"].startswith("Too little data")
    assert len(stored(bench, "pump_leakage/Value")) == 1


def test_nothing_is_trained_without_inspections(
    new_platform: type[Any], hydraulic_data: HydraulicData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_TRAIN_RETRY_S", 0.0)
    platform = new_platform()
    declare(platform, hydraulic_data)
    bench = Bench(platform, hydraulic_data, np.arange(20), np.arange(0))
    bench.play(bench.history, 0)
    told = run(bench, tmp_path, 3)
    assert {p.stage for p in told} == {"waiting"}
    assert "200" in told[-1].en
