"""Contacts on the page of alarm settings: found, set, changed, removed, each with who tells them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from tundish_platform.alarms.notify import SPEC, PolicySpec, Vault, create_channel, create_policy
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from conftest import Site

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
PATH = "/alarms/own-plant/settings"
VIEWER, NEIGHBOUR = 3, 2
HOOK = {"kind": "webhook", "name": "hook", "url": "https://hook.example/x", "secret": "s" * 16}


def output_of(site: Site, first: str) -> str:
    # Other tests leave the same browser in English.
    site.visitor("insider").get("/language/zh-CN?next=/")
    site.visitor("insider").get(PATH)
    own = {one.lstrip(".").partition("...")[0]: one for one in site.dash.callback_map}
    return own[first]


def asked(site: Site, first: str, button: dict[str, Any] | None, state: dict[str, Any]) -> str:
    """What the page becomes when a button is pressed, or the search is typed, with these in its fields."""
    output = output_of(site, first)
    body = site.body(output, PATH)
    spec = site.dash.callback_map[output]
    if button:
        named = json.dumps(button, sort_keys=True, separators=(",", ":"))
        pressed = [{"id": button, "property": "n_clicks", "value": 1}]
        body["inputs"] = [pressed if one == [] else one for one in body["inputs"]]
        body["changedPropIds"] = [f"{named}.n_clicks"]
    for parts in (body["inputs"], body["state"]):
        for part in parts:
            if isinstance(part, dict) and part["id"] in state:
                part["value"] = state[part["id"]]
    if fields := state.get("fields"):
        listed = [{"id": {"role": "contact-field", "field": one}, "property": "value", "value": value}
                  for one, value in fields.items()]  # fmt: skip
        ids = [{"id": one["id"], "property": "id", "value": one["id"]} for one in listed]
        wanted = [part["property"] for part in spec["state"] if part["id"].startswith("{")]
        for at, part in enumerate(spec["state"]):
            if part["id"].startswith("{"):
                body["state"][at] = listed if part["property"] == wanted[0] else ids
    if "changed" in state:
        body["changedPropIds"] = [state["changed"]]
    answer = site.visitor("insider").post(UPDATE, json=body, headers=ORIGIN)
    assert answer.status_code == 200, answer.text
    return json.dumps(answer.json, ensure_ascii=False)


def found(site: Site, search: str) -> str:
    typed = {"contact-search": search, "changed": "contact-search.value"}
    return asked(site, "contact-after.data", None, typed)


def act(site: Site, do: str, number: int, **fields: str) -> str:
    button = {"role": "contact-do", "do": do, "number": 0}
    state = {"contact-wish": {"number": number, "version": 0}, "contact-search": "", "fields": fields}
    return asked(site, "alarm-contacts.children", button, state)


@pytest.fixture
def policy(site: Site) -> None:
    """A policy that tells whoever may read."""
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "t", Role.OWNER), "own-plant", Permission.CONFIGURE)
        channel = create_channel(
            session, scope, Vault(SecretStr("k" * 40)), SPEC.validate_python(HOOK), utc_now()
        )
        step = {"after_minutes": 0, "channels": [channel.id], "roles": ["viewer"]}
        spec = PolicySpec.model_validate({"name": "夜班升级", "steps": [step]})
        create_policy(session, scope, spec, utc_now())


@pytest.mark.usefixtures("policy")
def test_a_person_is_found_set_changed_and_removed(site: Site) -> None:
    assert "Nei Ghbour" not in found(site, "nei"), "another enterprise's person"
    shown = found(site, "vIE")
    assert "Vie Wer" in shown
    assert "无联系方式" in shown
    assert "通知策略：夜班升级" in shown
    form = asked(site, "contact-form.children", {"role": "contact-open", "number": VIEWER}, {})
    assert "Vie Wer 的联系方式" in form
    assert "删除" not in form, "there is nothing to remove yet"
    saved = act(site, "save", VIEWER, mail="vie@plant.example", mobile="13800001234")
    assert "已保存。" in saved
    assert "vie@plant.example" in saved
    changed = act(site, "save", VIEWER, mail="", mobile="13900001234")
    assert "13900001234" in changed
    assert "vie@plant.example" not in changed
    form = asked(site, "contact-form.children", {"role": "contact-open", "number": VIEWER}, {})
    assert "删除" in form
    removed = act(site, "remove", VIEWER)
    assert "联系方式已删除。" in removed
    assert "13900001234" not in removed


def test_what_cannot_be_kept_is_said_by_its_field(site: Site) -> None:
    assert "以下字段无法使用" in act(site, "save", VIEWER, mail="no mail", mobile="")
    assert "邮箱" in act(site, "save", VIEWER, mail="no mail", mobile="")
    assert "手机号" in act(site, "save", VIEWER, mail="", mobile="12-34")
    assert "没有找到人员。" in found(site, "nobody at all")


def test_another_enterprises_person_is_nobody_here(site: Site) -> None:
    assert "内容已被他人修改" in act(site, "save", NEIGHBOUR, mail="x@plant.example", mobile="")
    form = asked(site, "contact-form.children", {"role": "contact-open", "number": NEIGHBOUR}, {})
    assert "Nei Ghbour" not in form
