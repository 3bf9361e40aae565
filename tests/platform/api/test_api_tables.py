"""Equipment and signals as files over HTTP: looked at, then written against the version that was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.samples.sheets import write_sheet
from tundish_platform.sdk.client import ApiError, Client

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import World
    from werkzeug.test import TestResponse

FLOW = "S/canary-7f3a/L1/M/C/Flow"
ROOT = "/api/v1/tenants/steel/tables"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def put(
    world: World, table: str, data: bytes, tag: str = "", *, apply: str = "true", media: str = "text/csv"
) -> TestResponse:
    headers = world.header("engineer") | {"Content-Type": media} | ({"If-Match": tag} if tag else {})
    client = world.app.test_client()
    return client.put(f"{ROOT}/{table}", data=data, headers=headers, query_string={"apply": apply})


def get(world: World, table: str, form: str = "csv") -> TestResponse:
    client = world.app.test_client()
    return client.get(f"{ROOT}/{table}", headers=world.header("engineer"), query_string={"format": form})


@pytest.mark.parametrize(("form", "media"), [("csv", "text/csv"), ("xlsx", XLSX)])
def test_a_file_is_looked_at_then_written_once(world: World, form: str, media: str) -> None:
    before = get(world, "assets", form)
    assert before.content_type.startswith(media)
    tag = before.headers["ETag"]
    added = write_sheet(("path", "name_zh"), [("S9", "九厂"), ("S9/A", "")], "t", excel=form == "xlsx")
    seen = put(world, "assets", added, apply="false", media=media).json
    assert seen == {
        "applied": False, "new": 2, "changed": 0, "kept": 0,
        "rows": [{"row": 2, "path": "S9", "change": "new", "fields": []},
                 {"row": 3, "path": "S9/A", "change": "new", "fields": []}],
    }  # fmt: skip
    assert get(world, "assets").headers["ETag"] == tag, "a look writes nothing"
    assert put(world, "assets", added, media=media).status_code == 428
    done = put(world, "assets", added, tag, media=media)
    assert (done.status_code, done.json["applied"], done.json["new"]) == (200, True, 2)
    again = put(world, "assets", added, tag, media=media)
    assert again.status_code == 412, "somebody, here ourselves, was faster"
    assert put(world, "assets", added, get(world, "assets").headers["ETag"], media=media).json["kept"] == 2


def test_wrong_rows_are_named_by_their_number_in_the_file(world: World) -> None:
    tag = get(world, "signals").headers["ETag"]
    data = b"path,low\nS/canary-7f3a/L1/M/C/Flow,1\nS/canary-7f3a/L1/M/C/Pressure,much\n"
    wrong = put(world, "signals", data, tag)
    assert (wrong.status_code, wrong.json["code"], wrong.json["rows"][0]["row"]) == (422, "bad_rows", 3)
    assert get(world, "signals").headers["ETag"] == tag
    assert put(world, "signals", b"low\n1\n", tag).json["code"] == "bad_sheet"
    assert put(world, "signals", b"{}", tag, media="application/json").status_code == 415


@pytest.mark.integration
def test_the_client_fetches_and_sends_tables(world: World, served: str, tmp_path: Path) -> None:
    file = tmp_path / "signals.xlsx"
    with Client(served, world.tokens["all"]) as client:
        tag = client.fetch_table("steel", "signals", file)
        assert client.send_table("steel", "signals", file)["changed"] == 0
        changed = tmp_path / "changed.csv"
        changed.write_text("path,high\nS/canary-7f3a/L1/M/C/Flow,40\n", encoding="utf-8")
        assert client.send_table("steel", "signals", changed)["applied"] is False
        assert client.send_table("steel", "signals", changed, apply_to=tag)["changed"] == 1
        with pytest.raises(ApiError, match="412"):
            client.send_table("steel", "signals", changed, apply_to=tag)
        assert next(s for s in client.signals("steel") if s.path.endswith("Flow")).high == 40.0
        term = {"path": FLOW, "unit": "L/min", "semantic": "pressure.hydraulic"}
        assert client.put_contract("steel", "flow", {"source": "opc", "signals": [term]})["version"] == 1
        assert [one["name"] for one in client.contracts("steel", FLOW)] == ["flow"]
        assert client.contract("steel", "flow")["unmet"] == []
        other = {"source": "opc", "signals": [term | {"unit": "m3/h"}]}
        with pytest.raises(ApiError, match="contract_broken") as broken:
            client.put_contract("steel", "flow", other)
        assert [one["field"] for one in broken.value.detail["broken"]] == ["unit"]
        assert client.put_contract("steel", "flow", other | {"new_version": True})["version"] == 2
        assert [one["is_now"] for one in client.contract("steel", "flow")["unmet"]] == ["L/min"]
