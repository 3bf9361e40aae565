from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_dashboards.recent import Recent

if TYPE_CHECKING:
    import pytest


def test_an_answer_is_made_once_and_then_again_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("tundish_dashboards.recent.time.monotonic", lambda: clock[0])
    made: list[int] = []
    recent: Recent[int] = Recent(keep_s=5)

    def make() -> int:
        made.append(len(made))
        return made[-1]

    assert [recent.get("a", make), recent.get("a", make)] == [0, 0]
    clock[0] += 5
    assert recent.get("a", make) == 1


def test_keys_do_not_share_answers() -> None:
    recent: Recent[str] = Recent(keep_s=60)
    assert recent.get((1, "line"), lambda: "own") == "own"
    assert recent.get((2, "line"), lambda: "neighbour") == "neighbour"


def test_only_so_many_are_kept() -> None:
    recent: Recent[int] = Recent(keep_s=60, most=3)
    for key in range(10):
        recent.get(key, lambda: 0)
    assert len(recent._kept) <= 3
