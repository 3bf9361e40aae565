from __future__ import annotations

import pytest
from werkzeug.exceptions import BadRequest

from tundish_dashboards import wishes
from tundish_dashboards.routes import Page, find_route
from tundish_dashboards.sessions import local_path


def test_expected_shapes_pass() -> None:
    assert wishes.whole(512.4, "width", 200, 1600, 900) == 512
    assert wishes.whole(9e99, "width", 200, 1600, 900) == 1600
    assert wishes.whole(None, "width", 200, 1600, 900) == 900
    assert wishes.numbers(["3", 4], "signals", 6) == [3, 4]
    assert wishes.numbers(list(range(20)), "signals", 6) == list(range(6))
    assert wishes.word("abc", "word") == "abc"
    assert wishes.one_of("b", "choice", ["a", "b"], "a") == "b"


@pytest.mark.parametrize("value", ["x", [], {}, True, float("nan")])
def test_a_number_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        wishes.whole(value, "width", 200, 1600, 900)


@pytest.mark.parametrize("value", ["x", {}, 5, [None], ["²"], [True], [[1]], ["1" * 40]])
def test_a_list_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        wishes.numbers(value, "signals", 6)


@pytest.mark.parametrize("value", [5, [], {}, "x" * 201])
def test_a_word_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        wishes.word(value, "word")


@pytest.mark.parametrize("value", ["c", 5, [], {}])
def test_an_unknown_choice_is_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        wishes.one_of(value, "choice", ["a", "b"], "a")


@pytest.mark.parametrize(
    "wish",
    [
        "//evil.example/x",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        None,
        "/a\nb",
        "plant",
    ],
)
def test_log_in_never_leads_to_another_host(wish: str | None) -> None:
    assert local_path(wish) == "/"


def test_addresses() -> None:
    route = find_route("/plant/xianghe-cylinder")
    assert route is not None
    assert (route.page, route.tenant, route.path) == (
        Page.PLANT,
        "xianghe-cylinder",
        "/plant/xianghe-cylinder",
    )
    assert find_route("/bureau") is not None
    for unknown in (
        "/",
        "/plant",
        "/plant/",
        "/plant/A",
        "/plant/a/b",
        "/bureau/x",
        "/plant/../etc",
        "/nothing",
    ):
        assert find_route(unknown) is None
