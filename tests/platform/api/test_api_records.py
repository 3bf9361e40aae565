"""Apps on records over HTTP: consent in person, records as Arrow, a report that is shared and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from argon2 import PasswordHasher

from tundish_platform.api.app import create_app
from tundish_platform.marketplace import Catalogue, Outcome
from tundish_platform.marketplace.runner import Runner
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.sdk.sealed import open_sealed
from tundish_platform.tenancy import Role, passwords
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

SHELF = Path(__file__).parents[3] / "apps-marketplace"
PASSWORD = "a long password"
APP = "product-passport"


def speaking(world: World, token: str) -> Client:
    client = Client("http://localhost", token, retries=0)
    before = client._http
    transport = httpx.WSGITransport(app=world.app)
    client._http = httpx.Client(transport=transport, base_url=before.base_url, headers=before.headers)
    before.close()
    return client


@pytest.fixture
def plant(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with the apps of the shelf, and an owner of each tenant who is a person."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._decoy.cache_clear()
    world.context = replace(world.context, catalogue=Catalogue.find(SHELF, installed=False))
    world.app = create_app(world.context)
    with world.context.metadata.session() as session:
        for slug in ("steel", "power"):
            create_user(session, f"owner@{slug}", "王", PASSWORD, {slug: [Role.OWNER]})
    return world


def person(world: World, slug: str) -> Client:
    with speaking(world, "") as nobody:
        return speaking(world, str(nobody.log_in(f"owner@{slug}", PASSWORD)["session"]))


def refused(status: int, call: Callable[..., object], *given: object) -> str:
    with pytest.raises(ApiError) as caught:
        call(*given)
    assert caught.value.status == status
    return str(caught.value.code)


def test_from_consent_to_a_passport_that_a_stranger_verifies_and_back(plant: World) -> None:
    worker, owner = speaking(plant, plant.tokens["all"]), person(plant, "steel")
    wishes = owner.record_wishes("steel", APP)
    assert [(one["kind"], one["granted_at"]) for one in wishes["records"]] == [("product_events", None)]
    owner.subscribe("steel", APP)
    (run,) = Runner(worker, plant.context.catalogue).run_due("steel")
    assert (run.outcome, "product_events" in run.message_en) == (Outcome.MISSING_INPUT, True)
    assert refused(404, worker.app_records, "steel", APP, "product_events") == "records_not_granted"
    assert refused(403, worker.consent, "steel", APP, ["product_events"]) == "people_only"

    owner.consent("steel", APP, ["product_events"])
    (subscription,) = owner.subscriptions("steel")
    assert subscription["records"] == ["product_events"]
    table = worker.app_records("steel", APP, "product_events")
    assert table.num_rows > 0
    assert table.column("path").null_count == table.num_rows, "places were not asked for, so none are given"
    later = datetime.now(UTC) + timedelta(hours=1)
    (run,) = Runner(worker, plant.context.catalogue).run_due("steel", later)
    assert run.outcome is Outcome.OK, run.message_en
    document = next(iter(owner.documents("steel", APP)))
    shared = owner.share_document("steel", document["id"], datetime.now(UTC) + timedelta(days=3))

    stranger, neighbour = speaking(plant, ""), person(plant, "power")
    file = stranger.shared_document(str(shared["code"]))
    sealed = open_sealed(file, stranger.document_key()["fingerprint"])
    assert (sealed.statement.app, sealed.statement.subject) == (APP, document["subject"])
    assert refused(404, neighbour.document, "steel", document["id"]) == "not_found"
    assert refused(404, neighbour.document, "power", document["id"]) == "unknown_document"
    assert refused(404, neighbour.unshare_document, "power", document["id"]) == "unknown_document"
    assert list(neighbour.documents("power", APP)) == []

    owner.consent("steel", APP, [])
    assert refused(404, stranger.shared_document, shared["code"]) == "unknown_document"
    assert refused(404, worker.app_records, "steel", APP, "product_events") == "records_not_granted"
    assert owner.document("steel", document["id"]) == file, "its own tenant keeps it"


def test_an_instant_that_has_passed_or_lies_too_far_away_shares_nothing(plant: World) -> None:
    owner = person(plant, "steel")
    for until in (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=400)):
        assert refused(422, owner.share_document, "steel", 1, until) == "bad_until"


def test_answers_are_given_in_person_and_read_by_their_tenant(plant: World) -> None:
    owner, neighbour = person(plant, "steel"), person(plant, "power")
    asked = owner.record_wishes("steel", "maturity-check")["questionnaire"]
    assert asked is not None
    assert len(asked["questions"]) == 16
    made = owner.give_answers("steel", "maturity-check", {"equipment": "partly"})
    assert (made["version"], made["said_by"]) == (asked["version"], "王")
    assert [one["answers"] for one in owner.answers("steel", "maturity-check")] == [{"equipment": "partly"}]
    assert list(neighbour.answers("power", "maturity-check")) == []
    assert refused(422, owner.give_answers, "steel", "maturity-check", {"equipment": "x"}) == "answer_refused"
    assert refused(404, owner.give_answers, "steel", "spc-monitor", {"equipment": "x"}) == "no_questions"


def test_figures_are_given_by_consent_only(plant: World) -> None:
    worker, owner = speaking(plant, plant.tokens["all"]), person(plant, "steel")
    owner.subscribe("steel", "peer-benchmark")
    assert refused(404, worker.give_figures, "steel", "peer-benchmark", {"oee": 0.5}) == "records_not_granted"
    owner.consent("steel", "peer-benchmark", ["peers"])
    assert worker.give_figures("steel", "peer-benchmark", {"oee": 0.5, "x": 1.0}, "small") == ["oee"]
    rows = worker.app_records("steel", "peer-benchmark", "peers").to_pylist()
    assert {row["reason"] for row in rows} <= {"not_registered", "not_given"}
