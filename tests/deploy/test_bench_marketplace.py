"""The bench of the marketplace measures what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_deploy.benchmarks.marketplace.overhead import beyond_own_work, echo_app, window_of
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_every_row_goes_in_and_comes_out(tmp_path: Path) -> None:
    app = echo_app(tmp_path)
    inputs = window_of(app, 100_000)
    assert inputs.tables[SampleKind.NUMERIC].num_rows == 100_000
    assert beyond_own_work(app, inputs, None) > 0


def test_a_lost_row_is_no_measurement(tmp_path: Path) -> None:
    app = echo_app(tmp_path)
    code = app.folder / "app.py"
    code.write_text(code.read_text("utf-8").replace("times, values)", "times[1:], values[1:])"), "utf-8")
    with pytest.raises(RuntimeError, match="rows were lost"):
        beyond_own_work(app, window_of(app, 1_000), None)
