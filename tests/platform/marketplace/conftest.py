"""Apps made up for tests, a window for them, and tenants to subscribe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.marketplace import App, Catalogue
from tundish_platform.marketplace.forks import ForkServer
from tundish_platform.marketplace.isolation import bubblewrap
from tundish_platform.samples import SignalInfo, SignalSpec
from tundish_platform.sdk import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANIFEST = """
id = "{name}"
version = "0.1.0"
entry = "tundish_app_{name}.app:run"
publisher = "测试"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "测试", en = "test" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
[[inputs]]
key = "any"
semantic = "pressure.*"
name = {{ zh = "压力", en = "pressure" }}
[[outputs]]
key = "number"
name = {{ zh = "数", en = "number" }}
[[outputs]]
key = "words"
kind = "text"
name = {{ zh = "话", en = "words" }}
{plans}
[resources]
seconds = {seconds}
memory_mb = 128
output_bytes = 65536
"""

HEAD = """
import os, socket, sys, time
from tundish_platform.sdk import AppOutputs, OutputValue, window_values


def said(inputs, words):
    return AppOutputs(values=window_values({"words": words}, inputs.start))


"""


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., App]:
    """Write an app's package from the body of its ``run`` and read it as the catalogue would."""

    def make(body: str, name: str = "probe", seconds: float = 20.0, plans: str = "") -> App:
        folder = tmp_path / "shelf" / name / f"tundish_app_{name}"
        folder.mkdir(parents=True)
        manifest = MANIFEST.format(name=name, seconds=seconds, plans=plans)
        (folder / "app.toml").write_text(manifest, encoding="utf-8")
        (folder / "__init__.py").write_text("", encoding="utf-8")
        indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
        (folder / "app.py").write_text(f"{HEAD}def run(inputs):\n{indented}\n", encoding="utf-8")
        return App(read_manifest(folder / "app.toml"), folder)

    return make


@pytest.fixture
def shelf(make_app: Callable[..., App], tmp_path: Path) -> Catalogue:
    """A catalogue with one quiet app that writes a constant."""
    make_app("return AppOutputs(values=window_values({'number': 1.5, 'words': '好'}, inputs.end))", "quiet")
    return Catalogue.find(tmp_path / "shelf", installed=False)


PLANS = """
[[plans]]
key = "month"
kind = "flat"
fen = 10001
trial_days = 2
name = {zh = "包月", en = "Monthly"}
[[plans]]
key = "signal"
kind = "per_signal"
fen = 777
name = {zh = "按信号", en = "Per signal"}
[[plans]]
key = "run"
kind = "per_run"
fen = 3
name = {zh = "按次", en = "Per run"}
"""


@pytest.fixture
def priced(make_app: Callable[..., App], tmp_path: Path) -> Catalogue:
    """A catalogue with one app that can be paid for in three ways."""
    make_app("return AppOutputs()", "dear", plans=PLANS)
    return Catalogue.find(tmp_path / "shelf", installed=False)


@pytest.fixture(scope="session")
def needs_bubblewrap() -> None:
    """Escape tests mean nothing without bubblewrap, so its absence fails them."""
    if bubblewrap() is None:
        pytest.fail(
            "bubblewrap is missing or may not make name spaces; install it: apt-get install -y bubblewrap"
        )


@pytest.fixture(scope="session")
def forks(needs_bubblewrap: None) -> Iterator[ForkServer]:  # noqa: ARG001 - asked for what it checks
    """A fork server for all tests of this process."""
    with ForkServer() as server:
        yield server


@pytest.fixture
def pressure() -> SignalInfo:
    spec = SignalSpec(
        path="S/A/L1/M1/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic", period_s=1
    )
    return SignalInfo(id=1, source="opcua-1", **spec.model_dump())


@pytest.fixture
def moment() -> datetime:
    return datetime(2026, 3, 1, 8, tzinfo=UTC)
