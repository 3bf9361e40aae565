"""Plates, IGBT and MOSFET over a platform in memory, with the shipped recordings."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_analytics.condition.life import remaining
from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Worker, loop, train
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tundish_analytics.worker import Progress

START = int(time.time()) - 7 * 86_400
TENANT = "plant"


def spec(path: str, semantic: str, **more: Any) -> SignalSpec:  # noqa: ANN401 - fields of SignalSpec
    return SignalSpec(path=path, name_zh=semantic, name_en=semantic, semantic=semantic, **more)


def ticks(platform: Any, root: Path, count: int) -> list[Progress]:  # noqa: ANN401 - the platform in memory
    told: list[Progress] = []
    worker = Worker(platform, [TENANT], Registry(root), told.append)
    for _ in range(count):
        worker.tick()
    return told


def written(platform: Any, path: str) -> int:  # noqa: ANN401 - the platform in memory
    """How often anything was written to a signal, the same sample twice counted twice."""
    number = {signal.path: signal.id for signal in platform.signals(TENANT)}[path]
    return sum(signal == number for signal, _ in platform.ingested)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_TRAIN_RETRY_S", 0.0)


def test_each_plate_is_classified_once_and_judged_when_its_class_arrives(
    memory_platform: Any,  # noqa: ANN401
    plates: pd.DataFrame,
    tmp_path: Path,
) -> None:
    line = "LG/Rolling/HSM1"
    shuffled = plates.sample(frac=1, random_state=3)
    history, live = shuffled[:600], shuffled[600:660]
    features = [name for name in plates.columns if name != "fault_class"]
    paths = {name: f"{line}/SIS1/Result/{name}" for name in features}
    specs = [
        spec(path, f"defect.{name.lower()}", role=SignalRole.RESULT, step=True)
        for name, path in paths.items()
    ]
    label = f"{line}/SIS1/Inspection/FaultClass"
    specs.append(spec(label, "label.fault_class", kind=SampleKind.TEXT, role=SignalRole.LABEL))
    memory_platform.put_signals(TENANT, "gateway", specs)

    def play(part: pd.DataFrame, first: int, without: str = "") -> np.ndarray:
        ts = START + 30 * (first + np.arange(len(part)))
        for name in features:
            if name != without:
                memory_platform.put(TENANT, paths[name], ts, part[name].astype(float).tolist())
        return ts

    memory_platform.put(TENANT, label, play(history, 0), history["fault_class"].tolist())
    assert [p.stage for p in ticks(memory_platform, tmp_path, 2)] == ["waiting", "training", "ready"]
    ts = play(live, 600, without="Edges_Index")
    ticks(memory_platform, tmp_path, 2)
    memory_platform.put(TENANT, label, ts, live["fault_class"].tolist())
    ticks(memory_platform, tmp_path, 2)

    base = f"{line}/Models/steel-defect/fault_class"
    values = memory_platform.stored(TENANT, f"{base}/Value")
    # One feature never came, so the newest plates wait for it as long as the patience allows.
    assert len(live) - 3 <= len(values) <= len(live)
    assert written(memory_platform, f"{base}/Value") == len(values)
    names = sorted(set(plates["fault_class"]))
    truth = [names.index(name) for name in live["fault_class"][: len(values)]]
    right = [v == t for v, t in zip(values, truth, strict=True) if v >= 0]
    assert memory_platform.stored(TENANT, f"{base}/HitCount")[-1] == len(values)
    assert memory_platform.stored(TENANT, f"{base}/HitRate")[-1] == pytest.approx(np.mean(right))
    assert memory_platform.stored(TENANT, f"{base}/AnsweredShare")[-1] == pytest.approx(
        len(right) / len(values)
    )
    assert np.mean(right) > 0.75
    told = [json.loads(text) for text in memory_platform.stored(TENANT, f"{base}/Evidence")]
    assert all(text["completeness"] == pytest.approx(26 / 27, abs=1e-5) for text in told)
    assert all((text["value"] == -1) == text["label_en"].startswith("Unsure") for text in told)


def test_a_devices_life_is_told_each_sixtieth_record_and_a_new_device_begins_anew(
    memory_platform: Any,  # noqa: ANN401
    mosfet_records: pd.DataFrame,
    tmp_path: Path,
) -> None:
    base = "ZZ/Lab/PCT/PCT1/Channel2"
    specs = [
        spec(f"{base}/DeltaRdsOn", "resistance.rds_on.delta", unit="Ohm"),
        spec(f"{base}/AgeCount", "count.cycle", kind=SampleKind.INTEGER),
    ]
    memory_platform.put_signals(TENANT, "gateway", specs)
    devices = {name: part["dR"].to_numpy(float) for name, part in mosfet_records.groupby("device")}

    def play(delta: np.ndarray, first: int) -> int:
        ts = START + first + np.arange(len(delta))
        kept = np.arange(len(delta)) % 50 != 7
        memory_platform.put(TENANT, f"{base}/DeltaRdsOn", ts[kept], delta[kept].tolist())
        memory_platform.put(TENANT, f"{base}/AgeCount", ts, list(range(len(delta))))
        return first + len(delta)

    end = play(devices[11], play(devices[9], 0))
    stages = [p.stage for p in ticks(memory_platform, tmp_path, 1)]
    assert stages == ["training", "ready"]
    play(devices[12], end)
    ticks(memory_platform, tmp_path, 2)
    ticks(memory_platform, tmp_path, 2)

    path = "ZZ/Lab/PCT/Models/mosfet-life/remaining_life"
    told = [json.loads(text) for text in memory_platform.stored(TENANT, f"{path}/Evidence")]
    due = np.arange(59, len(devices[12]), 60)
    assert len(told) == len(due)
    assert written(memory_platform, f"{path}/Evidence") == len(told)
    early = [text for text, age in zip(told, due, strict=True) if age < 999]
    assert all(text["value"] is None for text in early)
    assert not any(text["value"] is None for text in told[len(early) :])
    life = remaining(devices[12])
    ages = due[(due >= 999) & (due < len(life))]
    low, high = (memory_platform.stored(TENANT, f"{path}/{leaf}")[: len(ages)] for leaf in ("Low", "High"))
    assert np.mean((np.array(low) <= life[ages]) & (life[ages] <= np.array(high))) > 0.75


def test_drift_is_told_each_minute_with_its_sign(
    memory_platform: Any,  # noqa: ANN401
    igbt_seconds: pd.DataFrame,
    tmp_path: Path,
) -> None:
    base = "ZZ/Lab/PCT/PCT1/Channel1"
    columns = {
        "vce_on": ("VCEon", "voltage.vce_on"),
        "current": ("Current", "current.load"),
        "temperature": ("PackageTemperature", "temperature.package"),
    }
    specs = [spec(f"{base}/{name}", semantic) for name, semantic in columns.values()]
    memory_platform.put_signals(TENANT, "gateway", specs)

    def play(first: int, last: int) -> None:
        for column, (name, _) in columns.items():
            values = igbt_seconds[column].to_numpy(float)[first:last]
            there = np.flatnonzero(np.isfinite(values))
            ts = START - START % 60 + first + there
            memory_platform.put(TENANT, f"{base}/{name}", ts, values[there].tolist())

    play(0, 600)
    assert [p.stage for p in ticks(memory_platform, tmp_path, 1)] == ["waiting"]
    play(600, 3600)
    ticks(memory_platform, tmp_path, 2)
    play(3600, 6000)
    ticks(memory_platform, tmp_path, 2)

    path = "ZZ/Lab/PCT/Models/igbt-ageing/vce_drift"
    told = [json.loads(text) for text in memory_platform.stored(TENANT, f"{path}/Evidence")]
    ends = [text["window_end"] for text in told]
    assert len(set(ends)) == len(ends)
    assert ends == sorted(ends)
    assert written(memory_platform, f"{path}/Evidence") == len(told)
    assert len(told) == (6000 - 1740) // 60 + 1
    assert all(text["low"] <= text["value"] <= text["high"] for text in told[:10])
    assert told[-1]["value"] < -5
    assert "fallen" in told[-1]["label_en"]
    assert told[-1]["evidence"][0]["expected"] > told[-1]["evidence"][0]["value"]


def test_a_line_can_be_trained_by_hand(
    memory_platform: Any,  # noqa: ANN401
    mosfet_records: pd.DataFrame,
    tmp_path: Path,
) -> None:
    base = "ZZ/Lab/PCT/PCT1/Channel2"
    specs = [
        spec(f"{base}/DeltaRdsOn", "resistance.rds_on.delta", unit="Ohm"),
        spec(f"{base}/AgeCount", "count.cycle", kind=SampleKind.INTEGER),
    ]
    memory_platform.put_signals(TENANT, "gateway", specs)
    registry, told = Registry(tmp_path), []
    assert train(memory_platform, TENANT, "ZZ/Lab/PCT", registry, told.append) == []
    assert [p.stage for p in told] == ["waiting"]
    first = 0
    for _, part in mosfet_records.groupby("device"):
        ts = START + first + np.arange(len(part))
        memory_platform.put(TENANT, f"{base}/DeltaRdsOn", ts, part["dR"].astype(float).tolist())
        memory_platform.put(TENANT, f"{base}/AgeCount", ts, list(range(len(part))))
        first += len(part)
    (card,) = train(memory_platform, TENANT, "ZZ/Lab/PCT", registry, told.append)
    assert card.cases == 3
    assert registry.versions(TENANT, "ZZ/Lab/PCT", "mosfet-life") == [card.version]
    assert train(memory_platform, TENANT, "no/such/line", registry, told.append) == []
