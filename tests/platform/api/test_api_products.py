"""Products and codes over HTTP, and through the client against a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.sdk.client import ApiError, Client

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel"
CANARY = "canary-7f3a"
MACHINE = f"S/{CANARY}/L1/M"


def call(world: World, who: str, method: str, path: str, body: object = None, **query: str) -> TestResponse:
    client = world.app.test_client()
    return client.open(path, method=method, json=body, headers=world.header(who), query_string=query)


def test_wrong_rows_are_named_in_both_languages_and_nothing_is_stored(world: World) -> None:
    before = call(world, "viewer", "GET", f"{ROOT}/products").json
    body = {
        "products": [
            {"kind": "piece", "series": "slab", "number": "1"},
            {"kind": "piece", "series": "slab", "number": "2",
             "made_from": [{"series": "slab", "number": "none"}]},
        ]
    }  # fmt: skip
    answer = call(world, "collector", "PUT", f"{ROOT}/products", body)
    assert (answer.status_code, answer.json["code"], answer.json["wrong"]) == (422, "bad_rows", 1)
    (row,) = answer.json["rows"]
    assert (row["row"], row["column"]) == (1, "made_from")
    assert "nobody declared" in row["message"]
    assert "未声明" in row["message_zh"]
    assert call(world, "viewer", "GET", f"{ROOT}/products").json == before


def test_lists_lead_from_page_to_page(world: World) -> None:
    first = call(world, "viewer", "GET", f"{ROOT}/products", limit="1")
    assert 'rel="next"' in first.headers["Link"]
    address = first.headers["Link"].partition(">")[0].removeprefix("<")
    rest = world.app.test_client().get(address, headers=world.header("viewer"))
    assert [one["series"] for one in first.json + rest.json] == ["heat", "coil"]
    (coil,) = call(world, "viewer", "GET", f"{ROOT}/products", series="coil", number=CANARY).json
    (heat,) = call(world, "viewer", "GET", f"{ROOT}/products/{coil['id']}/ancestors").json
    assert (heat["depth"], heat["material"], heat["made_from"]) == (1, CANARY, [])
    below = call(world, "viewer", "GET", f"{ROOT}/products/{heat['id']}/descendants", depth="1").json
    assert [(one["id"], one["made_from"]) for one in below] == [(coil["id"], [heat["id"]])]
    assert (
        call(world, "viewer", "GET", f"{ROOT}/products/{heat['id']}/ancestors", depth="51").status_code == 400
    )
    gone = call(world, "engineer", "DELETE", f"{ROOT}/products/{coil['id']}/origins/{heat['id']}")
    assert gone.json == {"removed": True}
    assert call(world, "viewer", "GET", f"{ROOT}/products/{coil['id']}/ancestors").json == []
    missing = call(world, "viewer", "GET", f"{ROOT}/products/999")
    assert (missing.status_code, missing.json["code"]) == (404, "unknown_product")


def test_a_published_code_is_resolved_by_a_stranger_and_an_unpublished_one_is_not(world: World) -> None:
    code = f"88.123.45678/{CANARY}"
    hidden = call(world, "foreign", "GET", "/api/v1/codes", code=code)
    unknown = call(world, "foreign", "GET", "/api/v1/codes", code="88.123.45678/none")
    assert (hidden.status_code, hidden.data) == (unknown.status_code, unknown.data)
    assert hidden.json["code"] == "unknown_code"
    body = {"codes": [code], "published": True}
    assert call(world, "engineer", "POST", f"{ROOT}/codes/publish", body).status_code == 403
    assert call(world, "owner", "POST", f"{ROOT}/codes/publish", body).json == {"changed": 1}
    told = call(world, "foreign", "GET", "/api/v1/codes", code=code).json
    assert (told["kind"], told["number"], told["enterprise_en"]) == ("piece", CANARY, f"Steel {CANARY}")
    taken = call(world, "foreign", "PUT", "/api/v1/tenants/power/code-prefix", {"prefix": "88.123.45678"})
    assert (taken.status_code, taken.json["code"]) == (422, "prefix_refused")


@pytest.mark.integration
def test_the_samples_of_a_piece_come_through_the_client(world: World, served: str) -> None:
    now = datetime.now(UTC)
    with Client(served, world.tokens["all"]) as client:
        (coil,) = client.products("steel", "coil", CANARY)
        # The fixture's pressure has a value a second for two minutes; the coil was there for the second one.
        tables = list(client.product_samples("steel", coil["id"], [world.ids["pressure"]]))
        ((window, table),) = tables
        assert (window["path"], window["open"], table.num_rows) == (MACHINE, False, 60)
        stay: dict[str, Any] = {"path": MACHINE, "starts_at": window["end"]}
        (module,) = client.put_products(
            "steel",
            [{"kind": "piece", "series": "module", "number": "M1", "stays": [stay],
              "made_from": [{"series": "coil", "number": CANARY}]}],
        )  # fmt: skip
        assert [one["series"] for one in client.ancestors("steel", module)] == ["heat", "coil"]
        assert module in {one["id"] for one in client.descendants("steel", coil["id"])}
        assert client.product("steel", module)["made_from"][0]["product"] == coil["id"]
        on = client.products_on("steel", window["asset"], now - timedelta(hours=1), now + timedelta(hours=1))
        assert {one["number"] for one in on} == {CANARY, "M1"}
        (code,) = client.put_codes("steel", [{"suffix": "M1", "asset": MACHINE}])
        assert client.publish_codes("steel", [code]) == 1
        assert client.resolve(code)["kind"] == "asset"
        assert [one["asset"] for one in client.codes("steel", code)] == [window["asset"]]
        client.withdraw_origin("steel", module, coil["id"])
        assert list(client.ancestors("steel", module)) == []
        with pytest.raises(ApiError, match="bad_rows"):
            client.put_codes("steel", [{"suffix": "M1", "product": {"series": "module", "number": "M1"}}])
