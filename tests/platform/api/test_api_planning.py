from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel"


def call(world: World, method: str, path: str, json: object = None, who: str = "engineer") -> TestResponse:
    return world.app.test_client().open(path, method=method, json=json, headers=world.header(who))


def test_a_kit_is_looked_at_then_applied_then_there(world: World) -> None:
    assert {"plate-line"} < {kit["id"] for kit in call(world, "GET", "/api/v1/kits").json}
    path = f"{ROOT}/kits/plate-line"
    before = len(call(world, "GET", f"{ROOT}/signals").json)
    seen = call(world, "POST", path, {}).json
    assert (seen["applied"], seen["line"], seen["models"]) == (
        False,
        "LG-Site/HotRolling/HSM1",
        ["steel-defect"],
    )
    assert len(call(world, "GET", f"{ROOT}/signals").json) == before
    done = call(world, "POST", path, {"apply": True}).json
    assert done["signals"] == seen["signals"]
    assert len(call(world, "GET", f"{ROOT}/signals").json) == before + 37
    again = call(world, "POST", path, {"apply": True}).json
    assert {one["change"] for one in again["signals"] + again["rules"] + again["assets"]} == {"kept"}
    elsewhere = call(world, "POST", path, {"line": "a/b"})
    assert elsewhere.status_code == 422
    missing = call(world, "POST", f"{ROOT}/kits/no-such", {})
    assert (missing.status_code, missing.json["code"]) == (404, "unknown_kit")


def test_a_type_is_saved_given_and_overridden(world: World) -> None:
    signal = {"name_zh": "振动", "name_en": "Vibration", "semantic": "vibration.velocity.rms", "unit": "mm/s"}
    spec = {"name_zh": "泵", "name_en": "Pump", "signals": {"Pump/V": signal}}
    assert call(world, "PUT", f"{ROOT}/asset-types/pump", spec).json["version"] == 1
    assert call(world, "PUT", f"{ROOT}/asset-types/Pump!", spec).status_code == 422
    wrong = call(world, "PUT", f"{ROOT}/asset-types/pump", {**spec, "signals": {"Pump/V": {"unit": "bar"}}})
    assert (wrong.status_code, wrong.json["code"]) == (422, "refused")
    assert [one["key"] for one in call(world, "GET", f"{ROOT}/asset-types").json] == ["pump"]
    assert call(world, "GET", f"{ROOT}/asset-types/pump?version=2").status_code == 404
    machine = next(a for a in call(world, "GET", f"{ROOT}/assets").json if a["level"] == "machine")
    path = f"{ROOT}/assets/{machine['id']}/type"
    assert call(world, "GET", path).json["code"] == "unknown_type"
    given = {"version": 1, "type": "pump", "overrides": {"signals": {"Pump/V": {"high": 9.0}}}}
    made = call(world, "PUT", path, given).json
    assert (made["overridden"], made["signals"][0]["change"]) == (["Pump/V"], "new")
    assert call(world, "GET", path).json["resolved"]["signals"]["Pump/V"]["origin"]["high"] == "instance"
    assert call(world, "PUT", path, given).status_code == 409
    paths = {signal["path"] for signal in call(world, "GET", f"{ROOT}/signals").json}
    assert f"{machine['path']}/Pump/V" in paths
