from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel/assets"


def call(
    world: World, method: str, path: str = "", *, headers: dict[str, str] | None = None, json: object = None,
    query: str = "",
) -> TestResponse:  # fmt: skip
    client = world.app.test_client()
    known = world.header("engineer") | (headers or {})
    return client.open(ROOT + path, method=method, headers=known, json=json, query_string=query)


def test_a_tree_that_did_not_change_is_not_sent_again(world: World) -> None:
    first = call(world, "GET")
    assert [asset["level"] for asset in first.json][:5] == ["enterprise", "site", "area", "line", "machine"]
    again = {"If-None-Match": first.headers["ETag"]}
    assert call(world, "GET", headers=again).status_code == 304
    site = call(world, "POST", json={"code": "S2", "name_zh": "二厂", "name_en": "Second site"})
    assert site.status_code == 201
    assert call(world, "GET", headers=again).status_code == 200


def test_a_node_is_made_named_moved_retired_and_removed(world: World) -> None:
    one = call(world, "POST", json={"code": "S2", "name_zh": "二厂", "name_en": "Second site"}).json
    area = call(world, "POST", json={"parent": one["id"], "code": "A", "name_zh": "a", "name_en": "a"}).json
    assert (one["level"], area["path"]) == ("site", "S2/A")
    path = f"/{area['id']}"
    named = call(world, "PATCH", path, json={"version": 1, "name_zh": "轧区"})
    assert (named.json["name_zh"], named.json["version"]) == ("轧区", 2)
    stale = call(world, "PATCH", path, json={"version": 1, "name_zh": "x"})
    assert (stale.status_code, stale.json["code"]) == (409, "asset_changed")
    old = next(a for a in call(world, "GET").json if a["level"] == "site" and a["id"] != one["id"])
    moved = call(world, "POST", f"{path}/move", json={"version": 2, "parent": old["id"]})
    assert (moved.json["parent"], moved.json["path"]) == (old["id"], "S2/A")
    wrong = call(world, "POST", f"{path}/move", json={"version": 3, "parent": area["id"]})
    assert (wrong.status_code, wrong.json["code"]) == (422, "asset_refused")
    assert call(world, "PATCH", path, json={"version": 3, "retired": True}).json["retired_at"] is not None
    assert area["id"] not in {a["id"] for a in call(world, "GET").json}
    assert area["id"] in {a["id"] for a in call(world, "GET", query="retired=true").json}
    assert call(world, "DELETE", path).json == {"removed": True}
    assert call(world, "GET", path).status_code == 404
    assert call(world, "DELETE", f"/{old['id']}").status_code == 422


def test_numbers_beyond_the_database_are_nobodys(world: World) -> None:
    assert call(world, "GET", "/99999999999").status_code == 404
    assert call(world, "GET", query="after=99999999999").status_code == 400


def test_signals_are_looked_for_a_page_at_a_time(world: World) -> None:
    client, path = world.app.test_client(), ROOT.replace("assets", "signals")

    def ask(query: str) -> TestResponse:
        return client.get(f"{path}?{query}", headers=world.header("viewer"))

    assert [s["id"] for s in ask("search=m/c/flow").json] == [world.ids["flow"]]
    assert [s["id"] for s in ask("kind=pressure&unit=bar").json] == [world.ids["pressure"]]
    first = ask("kind=pressure&limit=2").json
    rest = ask(f"kind=pressure&limit=2&after={first[-1]['id']}").json
    assert len(first) == 2
    assert not {s["id"] for s in first} & {s["id"] for s in rest}
    assert ask("search=" + "x" * 401).status_code == 400
    assert ask("limit=0").status_code == 400
    assert len(ask("").json) == len(world.ids)
