"""Apps made up for tests, a window for them, and tenants to subscribe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.marketplace import App, Catalogue
from tundish_platform.marketplace.isolation import bubblewrap
from tundish_platform.samples import SignalInfo, SignalSpec
from tundish_platform.sdk import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
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

    def make(body: str, name: str = "probe", seconds: float = 20.0) -> App:
        folder = tmp_path / "shelf" / name / f"tundish_app_{name}"
        folder.mkdir(parents=True)
        (folder / "app.toml").write_text(MANIFEST.format(name=name, seconds=seconds), encoding="utf-8")
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


@pytest.fixture(scope="session")
def needs_bubblewrap() -> None:
    """Escape tests mean nothing without bubblewrap, so its absence fails them."""
    if bubblewrap() is None:
        pytest.fail(
            "bubblewrap is missing or may not make name spaces; install it: apt-get install -y bubblewrap"
        )


@pytest.fixture
def pressure() -> SignalInfo:
    spec = SignalSpec(
        path="S/A/L1/M1/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic", period_s=1
    )
    return SignalInfo(id=1, source="opcua-1", **spec.model_dump())


@pytest.fixture
def moment() -> datetime:
    return datetime(2026, 3, 1, 8, tzinfo=UTC)
