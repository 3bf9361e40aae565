"""What the API's benchmark measures is what it says, on a small city."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from tundish_deploy.benchmarks.api.city import everyday, found_city
from tundish_deploy.benchmarks.api.load import Latencies, LoadError, steady
from tundish_deploy.benchmarks.api.run import _everyday
from tundish_platform.assets.models import Signal
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from pathlib import Path


def test_a_city_has_its_tenants_signals_and_keys(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    callers = found_city(url, tenants=7, signals=1_003, callers=3)
    assert [caller.signals for caller in callers] == [200, 134, 134]
    metadata = Metadata(url)
    with metadata.session() as session:
        assert session.scalar(select(func.count()).select_from(Tenant)) == 7
        assert session.scalar(select(func.count()).select_from(Signal)) == 1_003
    metadata.close()
    names = {name for name, _, _ in everyday(callers[0], 0)}
    assert names == {"latest", "signals", "alarms", "rules", "me", "sources", "send"}


def test_a_request_that_fails_ends_the_run(tmp_path: Path) -> None:
    callers = found_city(f"sqlite:///{tmp_path / 'm.sqlite'}", tenants=2, signals=1_000, callers=1)
    with pytest.raises(LoadError):
        steady(1, callers, rate=1_000.0, seconds=0.1)


def test_figures_are_percentiles_of_all_calls_held_against_the_bar() -> None:
    found = Latencies()
    found.by_call["me"] = [float(n) for n in range(1, 100)]
    found.by_call["send"] = [1_000.0] * 2
    found.lateness = [0.0]
    figures = {figure.name: figure for figure in _everyday(found)}
    assert figures["everyday_p99_ms"].value == pytest.approx(1_000.0)
    assert figures["everyday_p99_ms"].holds is False
    assert figures["everyday_me_p99_ms"].value == pytest.approx(98.02)
