"""The marketplace's pages as the server answers them: searching, an app's panels, and matching its inputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_dashboards.market.methodcard import method_card
from tundish_dashboards.routes import Page, Route, find_route

if TYPE_CHECKING:
    from conftest import Site
    from flask.testing import FlaskClient

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
OWN, THEIRS = "/market/own-plant/app/spc-monitor", "/market/canary-plant/app/spc-monitor"


def callback(site: Site, first: str) -> str:
    return next(one for one in site.dash.callback_map if first in one)


def ask(site: Site, client: FlaskClient, first: str, path: str, **values: Any) -> Any:  # noqa: ANN401 - JSON
    """What a callback answers; inputs and states by their id, all others empty."""
    body = site.body(callback(site, first), path)
    for part in (*body["inputs"], *body["state"]):
        if isinstance(part, dict) and part["id"] in values:
            part["value"] = values[part["id"]]
    answer = client.post(UPDATE, json=body, headers=ORIGIN)
    assert answer.status_code == 200, answer.text
    return answer.get_json()["response"]


def confirm(site: Site, who: str, path: str, chosen: dict[str, list[str]]) -> tuple[int, str]:
    """Press the button with these signals chosen for each input."""
    body = site.body(callback(site, "market-message.children@"), path)
    body["inputs"][0]["value"] = 1
    ids = [{"role": "match-input", "key": key} for key in chosen]
    values = [[{"id": i, "property": "value", "value": v} for i, v in zip(ids, chosen.values(), strict=True)],
              [{"id": i, "property": "id", "value": i} for i in ids]]  # fmt: skip
    body["state"] = [*values, body["state"][-1]]
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    return answer.status_code, answer.text


def test_an_address_names_tenant_and_app() -> None:
    assert find_route(OWN) == Route(Page.APP, "own-plant", "spc-monitor")
    assert Route(Page.APP, "own-plant", "spc-monitor").path == OWN
    assert find_route("/market/own-plant/app/") is None
    assert find_route("/market/own-plant/app/Spc/x") is None


@pytest.mark.parametrize(
    ("fields", "cards"),
    [
        ({}, {"app-energy-watch", "app-spc-monitor"}),
        ({"market-words": "ＳＰＣ"}, {"app-spc-monitor"}),
        ({"market-words": "能耗 峰值"}, {"app-energy-watch"}),
        ({"market-problem": "quality"}, {"app-spc-monitor"}),
        ({"market-words": "nothing like it"}, set()),
    ],
)
def test_the_fields_choose_the_cards(site: Site, fields: dict[str, str], cards: set[str]) -> None:
    found = ask(site, site.visitor("insider"), "market-cards.children", "/market/own-plant", **fields)
    shown = {one["props"].get("id") for one in found["market-cards"]["children"]}
    known = {"app-energy-watch", "app-spc-monitor"}
    assert shown & known == cards
    cards_shown = [one for one in shown if one]
    assert found["market-count"]["children"].startswith(f"{len(cards_shown)} / ")


@pytest.mark.parametrize("field", ["market-industry", "market-problem", "market-order"])
def test_a_choice_that_nobody_offers_is_refused(site: Site, field: str) -> None:
    body = site.body(callback(site, "market-cards.children"), "/market/own-plant")
    fields = {part["id"]: part for part in body["inputs"] if isinstance(part, dict)}
    fields[field]["value"] = "x"
    assert site.visitor("insider").post(UPDATE, json=body, headers=ORIGIN).status_code == 400


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_apps_page_says_what_it_would_find_here_and_nothing_of_the_neighbour(
    site: Site, language: str
) -> None:
    client = site.new_visitor("insider")
    client.get(f"/language/{language}?next=/")
    said = json.dumps(ask(site, client, "app-panels.children", OWN), ensure_ascii=False)
    assert "OWN-Site/Shop/L1/M1/C1/V1" in said
    assert "CANARY" not in said
    assert ("单值-移动极差" in said) is (language == "zh-CN")
    assert ("Individuals control charts" in said) is (language == "en")


def test_a_choice_is_confirmed_by_those_who_may_and_stands_there_for_this_tenant_only(site: Site) -> None:
    number = str(next(iter(site.signals["own-plant"].values())))
    assert confirm(site, "viewer", OWN, {"values": [number]})[0] == 404
    assert confirm(site, "insider", THEIRS, {"values": [number]})[0] == 404
    status, said = confirm(site, "insider", OWN, {"values": []})
    assert status == 200
    assert "请至少确认一个信号" in json.dumps(json.loads(said), ensure_ascii=False)
    assert "market-changed" not in json.loads(said)["response"], "what was chosen stays to be mended"
    assert confirm(site, "insider", OWN, {"values": [number]})[0] == 200
    mine = json.dumps(ask(site, site.visitor("insider"), "app-panels.children", OWN), ensure_ascii=False)
    theirs = json.dumps(
        ask(site, site.visitor("neighbour"), "app-panels.children", THEIRS), ensure_ascii=False
    )
    assert "In Sider" in mine
    assert "In Sider" not in theirs
    assert "CANARY-Site" in theirs


def test_a_method_card_is_words_whatever_it_holds() -> None:
    shown = method_card("# Title\n\n- **For**: <b>x</b>\n- [link](http://x)\ntext ![p](http://y)\n")
    kinds = [part._type for part in shown.children]
    assert kinds == ["H3", "Ul", "P"]
    assert [part._type for part in shown.children[1].children] == ["Li", "Li"]
    assert shown.children[2].children == ["text ![p](http://y)"]
