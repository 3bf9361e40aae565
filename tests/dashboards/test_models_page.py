"""The models' page: versions by line, a version with card and reports, decisions with a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.model_registry import list_decisions, list_models
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from conftest import Site
    from werkzeug.test import TestResponse

OWN, FOREIGN = "/models/own-plant", "/models/canary-plant"
ORIGIN = {"Origin": "http://localhost"}
UPDATE = "/_dash-update-component"


def output_with(site: Site, part: str) -> str:
    return next(output for output in site.dash.callback_map if part in output)


def versions(site: Site, slug: str) -> dict[str, tuple[int, str, str, int]]:
    """By version its id, state, who approved it and how much stands in its history."""
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "test", Role.VIEWER), slug, Permission.READ)
        return {
            one.version: (one.id, one.state, one.approved_by, len(list_decisions(session, scope, one.id)))
            for one in list_models(session, scope)
        }


def press(site: Site, login: str, path: str, part: str, button: dict[str, Any]) -> TestResponse:
    """A press of a button of a list, whose callback writes to ``part``."""
    output = output_with(site, part)
    body = site.body(output, path)
    named = json.dumps(button, separators=(",", ":"), sort_keys=True)
    parts = [json.loads(p["id"]) if p["id"].startswith("{") else {} for p in
             site.dash.callback_map[output]["inputs"]]  # fmt: skip
    body["inputs"] = [
        [{"id": button, "property": "n_clicks", "value": 1}]
        if wanted.get("role") == button["role"]
        else given
        for wanted, given in zip(parts, body["inputs"], strict=True)
    ]
    body["changedPropIds"] = [f"{named}.n_clicks"]
    return site.visitor(login).post(UPDATE, json=body, headers=ORIGIN)


def show(site: Site, login: str, path: str, number: int) -> TestResponse:
    return press(site, login, path, "model-list-box.hidden", {"model": number, "role": "model-open"})


def act(site: Site, login: str, path: str, wish: object, reason: str = "seen") -> TestResponse:
    body = site.body(output_with(site, "model-changed.data"), path, 1)
    said = {"model-wish": wish, "model-reason": reason}
    body["state"] = [{**part, "value": said.get(part["id"], path)} for part in body["state"]]
    return site.visitor(login).post(UPDATE, json=body, headers=ORIGIN)


def test_a_version_is_shown_with_its_card_its_history_and_its_reports(site: Site) -> None:
    number = versions(site, "own-plant")["OWN-1"][0]
    client = site.visitor("viewer")
    client.get("/language/en?next=/")
    shown = show(site, "viewer", OWN, number)
    assert shown.json["response"]["model-list-box"]["hidden"] is True
    said = json.dumps(shown.json, ensure_ascii=False)
    for words in ("OWN-PROTOCOL", "OWN-LIMITS", "OWN-DRIFT", "OWN-Site/Shop/L1/M1/C1/V1", "Champion",
                  "not yet approved", "Judged cases", "0.97"):  # fmt: skip
        assert words in said, words
    assert "OWN方法" not in said
    assert "model-decide" not in said, "who may not decide gets no buttons"
    client.get("/language/zh-CN?next=/")
    chinese = json.dumps(show(site, "viewer", OWN, number).json, ensure_ascii=False)
    for words in ("OWN方法", "OWN局限", "OWN漂移", "主用", "尚未批准"):
        assert words in chinese, words
    back = show(site, "viewer", OWN, 0).json["response"]
    assert (back["model-detail"]["children"], back["model-list-box"]["hidden"]) == (None, False)


def test_the_list_is_narrowed_to_a_state(site: Site) -> None:
    output = output_with(site, "model-list.children")
    body = site.body(output, OWN)
    body["inputs"][0]["value"] = "candidate"
    body["changedPropIds"] = ["model-state.value"]
    listed = site.visitor("viewer").post(UPDATE, json=body, headers=ORIGIN).text
    assert "OWN-2" in listed
    assert "OWN-1" not in listed
    body["inputs"][0]["value"] = "nonsense"
    assert site.visitor("viewer").post(UPDATE, json=body, headers=ORIGIN).status_code == 400


@pytest.mark.parametrize(
    ("login", "path"), [("viewer", OWN), ("shift", OWN), ("neighbour", OWN), ("bureau", OWN)]
)
def test_who_may_not_decide_changes_nothing(site: Site, login: str, path: str) -> None:
    before = versions(site, "own-plant")
    number = before["OWN-2"][0]
    for what in ("approve", "promote", "reject"):
        assert act(site, login, path, {"do": what, "model": number}).status_code == 404
    button = {"do": "approve", "model": number, "role": "model-decide"}
    assert press(site, login, path, "model-dialog-what.children", button).status_code == 404
    assert versions(site, "own-plant") == before


def test_a_version_of_another_plant_is_nobodys(site: Site) -> None:
    before = versions(site, "canary-plant")
    number = before["CANARY-1"][0]
    assert b"CANARY" not in show(site, "insider", OWN, number).data
    answer = act(site, "insider", OWN, {"do": "approve", "model": number})
    assert set(answer.json["response"]) == {"model-dialog-problem"}
    assert act(site, "insider", FOREIGN, {"do": "approve", "model": number}).status_code == 404
    assert versions(site, "canary-plant") == before


def test_a_decision_needs_a_reason_and_stands_in_the_history_afterwards(site: Site) -> None:
    number, state, approved, told = versions(site, "own-plant")["OWN-1"]
    button = {"do": "approve", "model": number, "role": "model-decide"}
    asked = press(site, "insider", OWN, "model-dialog-what.children", button).json["response"]
    assert asked["model-dialog"]["opened"] is True
    assert asked["model-wish"]["data"] == {"do": "approve", "model": number}
    wish = asked["model-wish"]["data"]
    assert set(act(site, "insider", OWN, wish, "  ").json["response"]) == {"model-dialog-problem"}
    assert versions(site, "own-plant")["OWN-1"] == (number, state, approved, told)
    done = act(site, "insider", OWN, wish, "errors are small")
    assert done.json["response"]["model-dialog"]["opened"] is False
    assert "errors are small" in done.text
    assert versions(site, "own-plant")["OWN-1"] == (number, "champion", "In Sider", told + 1)
    again = act(site, "insider", OWN, wish, "again").json["response"]
    assert set(again) == {"model-dialog-problem"}, "it is approved already"
