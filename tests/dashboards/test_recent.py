from __future__ import annotations

import threading

import pytest

from tundish_dashboards.recent import Recent


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


def test_of_many_that_ask_at_once_one_makes_the_answer() -> None:
    recent: Recent[int] = Recent(keep_s=60)
    made: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def make() -> int:
        begun.set()
        assert go.wait(10)
        made.append(1)
        return 7

    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(recent.get("a", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    assert recent.get("b", lambda: 8) == 8, "another key waits for nobody"
    go.set()
    for thread in threads:
        thread.join()
    assert (got, made) == ([7] * 8, [1])


def test_an_answer_that_could_not_be_made_is_tried_anew() -> None:
    recent: Recent[int] = Recent(keep_s=60)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 3) == 3
    assert recent._making == {}
