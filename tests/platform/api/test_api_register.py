"""The register over HTTP: a person's acts, versions that were overtaken, and questions about the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

ROOT = "/api/v1/programme/register"
FIRST, SECOND = "91999900TD0000017U", "91999900TD0000025N"
FIELDS = {"name_zh": "甲", "industry": "3130", "region": "431302"}
PASSWORD = "a long password"


@pytest.fixture
def officer(world: World) -> Callable[..., tuple[int, Any, Any]]:
    """Ask as an officer who logged in: status, JSON, headers."""
    with world.context.metadata.session() as session:
        create_user(session, "officer", "李", PASSWORD, roles=[Role.BUREAU_OFFICER])
    client = world.app.test_client()
    told = client.post("/api/v1/sessions", json={"login": "officer", "password": PASSWORD}).get_json()

    def ask(method: str, path: str, **more: Any) -> tuple[int, Any, Any]:  # noqa: ANN401 - parts of a request
        headers = {"Authorization": f"Bearer {told['session']}"} | more.pop("headers", {})
        answer = client.open(f"{ROOT}{path}", method=method, headers=headers, **more)
        return answer.status_code, answer.get_json(silent=True), answer.headers

    return ask


def test_the_register_is_entered_edited_and_asked_about_the_past(
    officer: Callable[..., tuple[int, Any, Any]],
) -> None:
    body = {"uscc": FIRST, "demo": True, "fields": FIELDS, "valid_from": "2020-01-01"}
    assert officer("POST", "", json=body)[0] == 201
    assert officer("POST", "", json=body)[1]["code"] == "registered"
    assert officer("POST", "", json=body | {"uscc": FIRST[:-1] + "0"})[1]["code"] == "bad_uscc"
    wrong = officer("POST", "", json=body | {"uscc": SECOND, "fields": FIELDS | {"region": "1"}})
    assert (wrong[0], wrong[1]["code"], wrong[1]["field"]) == (422, "bad_field", "region")
    tag = officer("GET", f"/enterprises/{FIRST}")[2]["ETag"]
    edit = {"fields": {"region": "431382"}, "valid_from": "2024-01-01"}
    assert officer("PATCH", f"/enterprises/{FIRST}", json=edit, headers={"If-Match": tag})[0] == 200
    late = officer(
        "PATCH", f"/enterprises/{FIRST}", json={"fields": {"park": "x"}}, headers={"If-Match": tag}
    )
    assert (late[0], late[1]["code"]) == (412, "outdated")
    for asked, region in (("", "431382"), ("?known=1", "431302"), ("?on=2023-01-01", "431302")):
        (one,) = officer("GET", asked)[1]
        assert one["region"] == region, asked
    assert officer("GET", "?on=2019-01-01")[1] == []
    assert officer("GET", "/figures?known=1")[1]["by_region"] == {"431302": 1}
    assert officer("GET", "?known=1")[2]["Register-Change"] == "1"
    for bad in ("?known=yesterday", "?known=2026-01-01T00:00:00", "?on=1.1.2026"):
        assert officer("GET", bad)[1]["code"] == "bad_parameter", bad


def test_an_import_is_confirmed_with_what_was_shown(officer: Callable[..., tuple[int, Any, Any]]) -> None:
    rows = f"uscc,name_zh,industry,region,demo\n{FIRST},甲,C31,431302,yes\n"
    sent = {"data": rows.encode(), "content_type": "text/csv"}
    status, seen, _ = officer("POST", "/imports?name=f.csv", **sent)
    assert (status, seen["new"], seen["rows"][0]["does"]) == (201, 1, "new")
    assert officer("GET", "")[1] == []
    path = f"/imports/{seen['id']}"
    other = officer("POST", f"{path}/confirm", json={"digest": "0" * 64})
    assert (other[0], other[1]["code"]) == (409, "outdated")
    assert officer("POST", f"{path}/confirm", json={"digest": seen["digest"]})[1]["state"] == "done"
    assert [one["uscc"] for one in officer("GET", "")[1]] == [FIRST]
    assert officer("POST", f"{path}/confirm", json={"digest": seen["digest"]})[0] == 404
    assert officer("POST", "/imports", data=b"x", content_type="text/plain")[0] == 415
    assert officer("POST", "/imports", data=b"odd\n1\n", content_type="text/csv")[1]["code"] == "bad_sheet"


def test_merges_and_contacts_have_their_refusals(officer: Callable[..., tuple[int, Any, Any]]) -> None:
    for uscc in (FIRST, SECOND):
        officer("POST", "", json={"uscc": uscc, "demo": True, "fields": FIELDS})
    merge = {"merged": FIRST, "kept": SECOND, "note": "one"}
    status, made, _ = officer("POST", "/merges", json=merge)
    assert status == 201
    assert officer("POST", "/merges", json=merge)[1]["code"] == "merged"
    assert [one["uscc"] for one in officer("GET", "")[1]] == [SECOND]
    assert officer("POST", f"/merges/{made['id']}/undo", json={"note": "no"})[0] == 204
    assert officer("POST", f"/merges/{made['id']}/undo", json={"note": "no"})[1]["code"] == "no_merge"
    contact = f"/enterprises/{FIRST}/contacts"
    assert officer("POST", contact, json={"name": "张", "mail": "none"})[0] == 422
    number = officer("POST", contact, json={"name": "张", "phone": "0738 123"})[1]["id"]
    assert [one["name"] for one in officer("GET", contact)[1]] == ["张"]
    assert officer("DELETE", f"/enterprises/{SECOND}/contacts/{number}")[0] == 404
    assert officer("DELETE", f"{contact}/{number}")[0] == 204
    assert officer("GET", contact)[1] == []
