from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.objects_cache import ObjectCache

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(cache: ObjectCache, name: str, size: int) -> Path:
    whole = cache.temporary()
    whole.write_bytes(b"x" * size)
    return cache.take(name, whole)


def test_the_copies_asked_for_longest_ago_make_room(tmp_path: Path, clock: Clock) -> None:
    cache = ObjectCache(tmp_path, 250, keep_s=10, clock=clock)
    for second, name in enumerate("abc"):
        clock.now = 20.0 * second
        take(cache, name, 100)
    assert [cache.find(name) is not None for name in "abc"] == [False, True, True]
    clock.now = 100
    assert cache.find("b")
    clock.now = 120
    take(cache, "d", 100)
    assert [cache.find(name) is not None for name in "bcd"] == [True, False, True]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 250


def test_what_was_asked_for_a_moment_ago_stays_even_beyond_the_bound(tmp_path: Path, clock: Clock) -> None:
    cache = ObjectCache(tmp_path, 50, keep_s=10, clock=clock)
    paths = [take(cache, name, 100) for name in "abc"]
    assert all(path.exists() for path in paths)
    clock.now = 11
    take(cache, "d", 100)
    assert not any(path.exists() for path in paths)


def test_a_copy_that_was_cut_is_none(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 1000)
    path = take(cache, "a", 100)
    path.write_bytes(b"x" * 99)
    assert cache.find("a") is None


def test_copies_of_an_earlier_run_are_not_believed(tmp_path: Path) -> None:
    path = take(ObjectCache(tmp_path, 1000), "steel/a", 100)
    assert ObjectCache(tmp_path, 1000).find("steel/a") is None
    assert not path.exists()


def test_a_tenants_copies_go_and_no_others(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 1000)
    for name in ("steel/a", "steelworks/a"):
        take(cache, name, 10)
    cache.drop_all("steel")
    assert cache.find("steel/a") is None
    assert cache.find("steelworks/a")
