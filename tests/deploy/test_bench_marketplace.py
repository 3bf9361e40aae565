"""The bench of the marketplace measures what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_deploy.benchmarks.marketplace.overhead import VALUES_OUT, beyond_own_work, echo_app, window_of
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_every_row_goes_in_and_as_many_values_as_may_come_out(tmp_path: Path) -> None:
    app = echo_app(tmp_path)
    inputs = window_of(app, 20_000)
    assert inputs.tables[SampleKind.NUMERIC].num_rows == 2 * VALUES_OUT
    assert beyond_own_work(app, inputs, None) > 0
