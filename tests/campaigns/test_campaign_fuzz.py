"""A few cases of the fuzz campaign, and its control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_deploy.campaigns.fuzz import (
    Fuzzer,
    control,
    control_of_document,
    fuzz_api,
    fuzz_callbacks,
    operations,
)
from tundish_deploy.campaigns.fuzz_document import fuzz_document
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


def test_no_case_of_the_document_is_the_servers_failure(world: Strangers) -> None:
    """Two for each operation: what the document allows, and what it forbids."""
    answers = fuzz_document(world, 2 * len(operations()), SEED)
    assert answers.failures == []
    silent = set(operations()) - answers.operations.keys()
    # Its body is bytes of our own, which no schema describes; a drawn case may be one that HTTP cannot carry.
    assert "POST /api/v1/tenants/{tenant}/ingest" in silent
    assert len(silent) <= 3
    entered = [name for name, count in answers.inside.items() if count]
    assert len(entered) >= 0.8 * len(answers.operations), "cases must get past the door"


def test_no_message_makes_a_callback_fail(world: Strangers) -> None:
    answers = fuzz_callbacks(world, 300, SEED)
    assert answers.failures == []
    assert {200, 400} <= set(answers.statuses)


def test_control_stock_dash_fails_at_an_unknown_output() -> None:
    assert control() == 500


def test_control_a_route_that_does_not_think_of_zero_is_found() -> None:
    assert control_of_document() >= 1


def test_a_seed_replays() -> None:
    assert [Fuzzer(SEED).body() for _ in range(20)] == [Fuzzer(SEED).body() for _ in range(20)]
