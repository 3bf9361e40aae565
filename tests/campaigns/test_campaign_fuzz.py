"""A few cases of the fuzz campaign, and its control."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from tundish_deploy.campaigns.fuzz import (
    Found,
    Fuzzer,
    control,
    control_of_document,
    fuzz_api,
    fuzz_callbacks,
    operations,
)
from tundish_deploy.campaigns.fuzz_answers import Answers, listen, why
from tundish_deploy.campaigns.fuzz_callers import Callers
from tundish_deploy.campaigns.fuzz_document import fuzz_document
from tundish_deploy.campaigns.fuzz_known import Known, fill
from tundish_deploy.campaigns.kept import Kept
from tundish_deploy.campaigns.strangers import Strangers, strangers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 7


@pytest.fixture(scope="module")
def world() -> Iterator[Strangers]:
    with strangers() as made:
        yield made


@pytest.fixture(scope="module")
def known(world: Strangers) -> Known:
    listen(world.app)
    return fill(world, Callers(world, random.Random(SEED)))  # noqa: S311 - a replay, no secret


def test_calls_of_a_client_are_done_in_a_new_world(known: Known) -> None:
    """So that torn they get as far; the others name what only a browser or a worker could have."""
    refused = {name for name, status in known.statuses.items() if status >= 400}
    at = "/api/v1/tenants/{tenant}"
    assert refused == {
        "POST /api/v1/me/invitations", "POST /api/v1/invitations/accept", f"POST {at}/jobs/{{job}}/progress",
        f"POST {at}/jobs/{{job}}/done", f"POST {at}/jobs/{{job}}/failed",
        f"POST {at}/trials/{{trial}}/result",
        f"POST {at}/upgrades/{{upgrade}}/decision", f"POST {at}/subscriptions/{{app_id}}/rollback",
        f"POST {at}/publisher/keys/{{mark}}/revocation", "POST /api/v1/review/keys/{mark}/revocation",
        f"POST {at}/versions/{{app_id}}/{{version}}/withdrawal", "POST /api/v1/billing/invoices/decision",
        "POST /api/v1/programme/register/imports/{number}/confirm",
        "POST /api/v1/programme/external/{number}/withdrawal",
    }  # fmt: skip
    assert len(known.statuses) - len(refused) >= 75


def test_no_case_for_the_api_is_the_servers_failure(world: Strangers, known: Known) -> None:
    answers = fuzz_api(world, known, 300, SEED)
    assert answers.failures == []
    assert len(answers.statuses) >= 5, "cases must get past the door"
    assert sum(answers.done(name) for name in answers.operations) >= 30, "some must be done"


def test_no_case_of_the_document_is_the_servers_failure(world: Strangers, known: Known) -> None:
    """Two for each operation: what the document allows, and what it forbids."""
    answers = fuzz_document(world, known, 2 * len(operations()), SEED)
    assert answers.failures == []
    silent = set(operations()) - answers.operations.keys()
    # Its body is bytes of our own, which no schema describes; a drawn case may be one that HTTP cannot carry.
    assert "POST /api/v1/tenants/{tenant}/ingest" in silent
    assert len(silent) <= 3
    entered = [name for name in answers.operations if answers.inside(name)]
    assert len(entered) >= 0.8 * len(answers.operations), "cases must get past the door"


def test_no_message_makes_a_callback_fail(world: Strangers, known: Known) -> None:
    assert known.calls
    answers = fuzz_callbacks(world, 300, SEED)
    assert answers.failures == []
    assert {200, 400} <= set(answers.statuses)


def test_a_failure_is_told_with_what_failed_and_where() -> None:
    app = Flask("failing")
    app.add_url_rule("/", view_func=lambda: 1 // 0)
    app.logger.disabled = True
    listen(app)
    answers = Answers()
    answers.take("case 1: GET /", app.test_client().get("/"), "GET /", why(app))
    assert answers.failures == ["case 1: GET /: 500 ZeroDivisionError: integer division or modulo by zero"]
    assert why(app) == ""
    assert (answers.asked("GET /"), answers.inside("GET /"), answers.done("GET /")) == (1, 1, 0)


def test_parts_are_kept_and_read_again(tmp_path: Path) -> None:
    part = Found()
    part.api.statuses[404], part.api.operations["GET /"] = 2, Counter({404: 2})
    part.api.failures.append("x")
    Kept(tmp_path / "parts", Found, "part").add((1, 2, 3), part)
    assert Kept(tmp_path / "parts", Found, "part").read() == {"[1, 2, 3]": part}


def test_control_stock_dash_fails_at_an_unknown_output() -> None:
    assert control() == 500


def test_control_a_route_that_does_not_think_of_zero_is_found() -> None:
    assert control_of_document() >= 1


def test_a_seed_replays() -> None:
    assert [Fuzzer(SEED).body() for _ in range(20)] == [Fuzzer(SEED).body() for _ in range(20)]
