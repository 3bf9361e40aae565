from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_deploy.benchmarks.signals import SEARCHES, fill, signal_search_ms
from tundish_platform.assets import search_signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata


def test_searches_of_the_benchmark_find_what_they_are_meant_to(
    tmp_path: Path, sqlite_at: Callable[[Path], Metadata]
) -> None:
    metadata = sqlite_at(tmp_path / "bench.sqlite")
    scope = fill(metadata, 2_000)
    assert set(signal_search_ms(metadata, scope, repeats=1)) == set(SEARCHES)
    with metadata.session() as session:
        found = {name: len(search_signals(session, scope, wanted)) for name, wanted in SEARCHES.items()}
    metadata.close()
    none = {"one signal", "nothing", "word and unit that never meet"}
    assert {name for name, count in found.items() if count == 0} == none
