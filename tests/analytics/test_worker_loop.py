"""The loop around the pipelines: waits for the platform, ends on a refused token, isolates failures."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Progress, Worker, loop, run_worker
from tundish_analytics.worker.windows import Reader, Samples, spread
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from pathlib import Path


class Away:
    """A platform that answers every call with one error."""

    error = ApiError(0, "unreachable", "nobody there", "没有响应")

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def signals(self, _tenant: str) -> list[Any]:
        raise self.error


def test_the_worker_waits_longer_each_time_while_the_platform_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stop, told, waited = threading.Event(), [], []
    monkeypatch.setattr(loop, "Client", Away)

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 6:
            threading.Event.set(stop)
        return stop.is_set()

    monkeypatch.setattr(stop, "wait", wait)
    run_worker("http://127.0.0.1:1", "token", ["plant"], tmp_path, stop, told.append)
    assert {p.stage for p in told} == {"offline"}
    assert told[0].zh == "没有响应"
    assert np.allclose(waited, [4, 8, 16, 30, 30, 30], atol=0.5)


def test_a_refused_token_ends_the_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loop, "Client", Away)
    monkeypatch.setattr(Away, "error", ApiError(401, "unauthorised", "no such token"))
    with pytest.raises(ApiError, match="401"):
        run_worker("http://127.0.0.1:1", "t", ["plant"], tmp_path, threading.Event(), lambda _: None)


def declared(platform: Any, tenant: str) -> None:  # noqa: ANN401 - the platform in memory
    specs = [
        SignalSpec(path=f"Z/L/P/M/C/{name}", name_zh=s, name_en=s, semantic=s, kind=kind)
        for name, s, kind in (
            ("Delta", "resistance.rds_on.delta", SampleKind.NUMERIC),
            ("Age", "count.cycle", SampleKind.INTEGER),
        )
    ]
    platform.put_signals(tenant, "gateway", specs)


def test_a_damaged_model_stops_its_own_pipeline_only(
    memory_platform: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    declared(memory_platform, "a")
    declared(memory_platform, "b")
    place = tmp_path / "a" / "Z_L_P" / "mosfet-life"
    place.mkdir(parents=True)
    (place / "current.json").write_text('{"version": "v1", "card": "0"}')
    told: list[Progress] = []
    worker = Worker(memory_platform, ["a", "b"], Registry(tmp_path), told.append)
    worker.tick()
    worker.tick()
    stages = {(p.tenant, p.stage) for p in told}
    assert ("a", "failed") in stages
    assert ("b", "waiting") in stages
    assert "train the model again" in next(p.en for p in told if p.stage == "failed")


def test_lines_without_the_needed_signals_get_no_pipeline(
    memory_platform: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    spec = SignalSpec(path="Z/L/P/M/C/P", name_zh="p", name_en="p", semantic="pressure.hydraulic")
    memory_platform.put_signals("a", "gateway", [spec])
    told: list[Progress] = []
    assert Worker(memory_platform, ["a"], Registry(tmp_path), told.append).tick() == 0
    assert told == []


def test_only_good_samples_are_read_and_each_lands_in_its_place(
    memory_platform: Any,  # noqa: ANN401
) -> None:
    declared(memory_platform, "a")
    memory_platform.put("a", "Z/L/P/M/C/Delta", [10, 11, 12], [1.0, 2.0, 3.0], [0, 0x80000000, 0])
    reader = Reader(memory_platform, "a")
    found = reader.read([1], 0)
    assert found.value.tolist() == [1.0, 3.0]
    matrix = spread(found, [1, 2], np.array([10, 11, 12]) * 1_000_000)
    assert matrix[:, 0].tolist()[::2] == [1.0, 3.0]
    assert np.isnan(matrix[1, 0])
    assert np.isnan(matrix[:, 1]).all()
    empty = Samples(*(np.empty(0, np.int64) for _ in range(3)))
    assert spread(empty, [1], np.empty(0, np.int64)).shape == (0, 1)
    assert reader.horizon_us([1, 2], 0) == 12_000_000
    assert reader.horizon_us([2], 0) is None
