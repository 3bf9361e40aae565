"""A few cases of the fuzz campaign, and its control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_deploy.campaigns.fuzz import Fuzzer, control, fuzz_api, fuzz_callbacks
from tundish_deploy.campaigns.strangers import Strangers, strangers

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 7


@pytest.fixture(scope="module")
def world() -> Iterator[Strangers]:
    with strangers() as made:
        yield made


def test_no_case_for_the_api_is_the_servers_failure(world: Strangers) -> None:
    answers = fuzz_api(world, 300, SEED)
    assert answers.failures == []
    assert len(answers.statuses) >= 5, "cases must get past the door"


def test_no_message_makes_a_callback_fail(world: Strangers) -> None:
    answers = fuzz_callbacks(world, 300, SEED)
    assert answers.failures == []
    assert {200, 400} <= set(answers.statuses)


def test_control_stock_dash_fails_at_an_unknown_output() -> None:
    assert control() == 500


def test_a_seed_replays() -> None:
    assert [Fuzzer(SEED).body() for _ in range(20)] == [Fuzzer(SEED).body() for _ in range(20)]
