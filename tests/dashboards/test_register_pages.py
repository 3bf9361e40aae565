"""The bureau's register in the browser: for officers only, edited with dialogs, imported after a look."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from tundish_platform.programme import register_enterprise
from tundish_platform.programme.register.contacts import ContactSpec, add_contact
from tundish_platform.programme.register.reading import entry_of, history_of, known_of
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from conftest import Site

    from tundish_platform.programme.register.reading import RegisterEntry

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
FIRST, SECOND, THIRD = "91999900TD0000041C", "91999900TD000005X4", "91999900TD00000684"
PAGE = f"/bureau/register/{FIRST}"
STRANGERS = ("insider", "operator", "viewer")
HEAD = "统一社会信用代码,企业名称,行业代码,区县代码,演示企业"


@pytest.fixture(scope="module")
def registered(site: Site) -> Site:
    for who in ("bureau", *STRANGERS):
        site.visitor(who).get("/language/zh-CN?next=/")
    with site.context.metadata.session() as session:
        for uscc, name in ((FIRST, "REGISTERED-ONE"), (SECOND, "REGISTERED-TWO")):
            register_enterprise(session, uscc=uscc, name_zh=name, name_en=name, industry="C3130",
                                region="431382", demo=True)  # fmt: skip
        add_contact(session, "li", FIRST, ContactSpec(name="ZHANG-SAN", phone="0738 123"), utc_now())
    return site


def entry(site: Site, uscc: str = FIRST) -> RegisterEntry:
    with site.context.metadata.session() as session:
        found = entry_of(session, uscc, known_of(session, utc_now()))
    assert found is not None
    return found


def ask(
    site: Site,
    first: str,
    path: str,
    asker: str = "",
    who: str = "bureau",
    /,
    **said: Any,  # noqa: ANN401 - values of parts
) -> tuple[int, str]:
    """Call the callback with that first output; ``said`` by ids, ``asker`` is the part that was clicked."""
    site.visitor(who).get("/account")
    output = next(
        one for one, spec in site.dash.callback_map.items()
        if one.lstrip(".").startswith(first) and (not asker or asker in str(spec["inputs"]))
    )  # fmt: skip
    body = site.body(output, path)

    def told(part: Any) -> Any:  # noqa: ANN401 - as Dash has it
        if isinstance(part, list):
            return [{"id": {"role": "entry-field", "name": name}, "property": "value", "value": value}
                    for name, value in said.get("form", {}).items()]  # fmt: skip
        name = part["id"]
        return {**part, "value": 1 if name == asker else said.get(name, part["value"])}

    body["inputs"] = [told(part) for part in body["inputs"]]
    body["state"] = [told(part) for part in body["state"]]
    spec_state = site.dash.callback_map[output]["state"]
    for place, part in enumerate(spec_state):
        if part["id"].startswith("{") and part["property"] == "id":
            body["state"][place] = [
                {**one, "property": "id", "value": one["id"]} for one in body["state"][place]
            ]
    if asker:
        body["changedPropIds"] = [f"{asker}.n_clicks"]
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    return answer.status_code, json.dumps(answer.json, ensure_ascii=False)


@pytest.mark.parametrize("path", ["/bureau/register", PAGE, "/bureau/register/imports/1"])
def test_only_officers_find_the_register(registered: Site, path: str) -> None:
    for who in STRANGERS:
        status, seen = ask(registered, "page.children", path, "", who)
        assert status == 200
        assert "not-found" in seen
        assert "ZHANG-SAN" not in seen
        assert "REGISTERED" not in seen


def test_an_officer_sees_the_list_and_an_enterprise_with_its_contacts_and_history(registered: Site) -> None:
    assert "register-list" in ask(registered, "page.children", "/bureau/register")[1]
    listed = ask(registered, "register-list", "/bureau/register", **{"register-search": "REGISTERED-O"})[1]
    assert FIRST in listed
    assert SECOND not in listed
    assert "涟源市" in listed
    seen = ask(registered, "page.children", PAGE)[1]
    for word in ("REGISTERED-ONE", "ZHANG-SAN", "set-up", "黑色金属冶炼和压延加工业"):
        assert word in seen
    assert "not-found" in ask(registered, "page.children", f"/bureau/register/{THIRD}")[1]


def test_an_edit_says_what_differs_and_refuses_what_cannot_be_or_is_outdated(registered: Site) -> None:
    version = entry(registered).version
    form = {"version": str(version), "name_zh": "REGISTERED-ONE", "park": "PARK-A", "industry": "C3130"}
    save = {"entry-valid": "2024-03-01", "entry-note": "letter 7"}
    for who in STRANGERS:
        assert ask(registered, "entry-dialog", PAGE, "entry-yes", who, form=form, **save)[0] in {403, 404}
    wrong = ask(registered, "entry-dialog", PAGE, "entry-yes", form=form | {"region": "1"}, **save)[1]
    assert "notice-bad" in wrong
    assert "notice-good" in ask(registered, "entry-dialog", PAGE, "entry-yes", form=form, **save)[1]
    found = entry(registered)
    assert (found.park, found.region) == ("PARK-A", "431382")
    with registered.context.metadata.session() as session:
        said = history_of(session, FIRST, limit=1)[0]
    assert (said.field, said.actor, said.note) == ("park", "Bu Reau", "letter 7")
    assert said.valid_from.isoformat() == "2024-03-01"
    again = ask(registered, "entry-dialog", PAGE, "entry-yes", form=form | {"park": "PARK-B"}, **save)[1]
    assert "notice-bad" in again
    assert entry(registered).park == "PARK-A"


def test_a_file_is_looked_at_before_it_is_taken(registered: Site) -> None:
    rows = f"{HEAD}\n{THIRD},FROM-FILE,3130,431302,是\n{SECOND},X,C9999,431302,是\n".encode()
    door = "/bureau/register/upload?name=list.csv"
    for who in STRANGERS:
        assert registered.visitor(who).post(door, data=rows, headers=ORIGIN).status_code == 404
    assert registered.visitor("bureau").post(door, data=rows).status_code == 403
    officer = registered.visitor("bureau")
    assert "path" not in officer.post(door, data=b"odd,columns\n1,2\n", headers=ORIGIN).json
    # Larger than any form of the log-in may be.
    path = officer.post(door, data=rows + b"\n" * 40_000, headers=ORIGIN).json["path"]
    seen = ask(registered, "page.children", path)[1]
    assert "FROM-FILE" in seen
    assert "C9999" in seen
    digest = next(part for part in json.loads(seen)["response"]["page"]["children"]["props"]["children"]
                  if part and part["props"].get("id") == "import-digest")["props"]["data"]  # fmt: skip
    confirm = {"import-digest": digest}
    for who in STRANGERS:
        assert ask(registered, "import-body", path, "import-confirm", who, **confirm)[0] in {403, 404}
    assert "notice-bad" in ask(registered, "import-body", path, "import-confirm", **confirm)[1]
    other = {"import-digest": "0" * 64, "import-skip": True}
    assert "notice-bad" in ask(registered, "import-body", path, "import-confirm", **other)[1]
    taken = ask(registered, "import-body", path, "import-confirm", **confirm, **{"import-skip": True})[1]
    assert "notice-good" in taken
    assert entry(registered, THIRD).name_zh == "FROM-FILE"


def test_files_leave_for_officers_and_contacts_only_where_asked_for(registered: Site) -> None:
    base = "/bureau/register/files"
    for who in STRANGERS:
        for name in ("register.xlsx", "register.csv?contacts=1", "template.xlsx"):
            assert registered.visitor(who).get(f"{base}/{name}").status_code == 404
    officer = registered.visitor("bureau")
    assert officer.get(f"{base}/odd.xlsx").status_code == 404
    sheet = load_workbook(io.BytesIO(officer.get(f"{base}/register.xlsx").data)).worksheets[0]
    assert next(sheet.values)[0] == "统一社会信用代码"
    assert "ZHANG-SAN" not in officer.get(f"{base}/register.csv").text
    assert "ZHANG-SAN" in officer.get(f"{base}/register.csv?contacts=1&search=REGISTERED-ONE").text


def test_two_entries_are_merged_and_taken_apart(registered: Site) -> None:
    path = f"/bureau/register/{SECOND}"
    said = {"merge-kept": FIRST, "merge-note": "one firm"}
    for who in STRANGERS:
        assert ask(registered, "merge-dialog", path, "merge-yes", who, **said)[0] in {403, 404}
    assert "notice-bad" in ask(registered, "merge-dialog", path, "merge-yes", **said | {"merge-note": " "})[1]
    assert "notice-good" in ask(registered, "merge-dialog", path, "merge-yes", **said)[1]
    assert entry(registered, SECOND).merged_into == FIRST
    assert "merge-undo" in ask(registered, "page.children", PAGE)[1]
