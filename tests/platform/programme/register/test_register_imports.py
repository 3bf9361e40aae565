"""Files in and out: every kind of wrong row, nothing written before a person confirms, and a round trip."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook, load_workbook

from tundish_platform.audit import all_entries
from tundish_platform.programme.register import files
from tundish_platform.programme.register.changes import Edit, Outdated, RegisterRefused, edit_enterprise
from tundish_platform.programme.register.contacts import ContactSpec, add_contact, contacts_of, delete_contact
from tundish_platform.programme.register.files import export, read_file, template
from tundish_platform.programme.register.imports import (
    confirm_import,
    drop_import,
    preview_file,
    preview_of,
)
from tundish_platform.programme.register.merging import merge_enterprises
from tundish_platform.programme.register.reading import Wanted, entries, history_of, known_of
from tundish_platform.programme.register.tables import RegisterImport
from tundish_platform.samples.sheets import SheetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.programme.register.imports import Preview
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
HEAD = "统一社会信用代码,企业名称,行业代码,区县代码,演示企业"


@pytest.fixture
def database(new_sqlite: Callable[[], Metadata]) -> Metadata:
    return new_sqlite()


def sent(metadata: Metadata, text: str, now: datetime = NOW) -> Preview:
    with metadata.session() as session:
        return preview_file(session, "li", "f.csv", text.encode(), now, excel=False)


def confirmed(metadata: Metadata, found: Preview, *, skip_wrong: bool = False) -> Preview:
    with metadata.session() as session:
        return confirm_import(session, "wang", found.id, found.digest, NOW, skip_wrong=skip_wrong)


def test_each_row_says_what_is_wrong_with_it(
    database: Metadata, codes: list[str], enter: Callable[..., str]
) -> None:
    enter(database, 0, name_zh="老厂")
    gone, kept = enter(database, 1), enter(database, 2)
    with database.session() as session:
        merge_enterprises(session, "li", gone, kept, "one", NOW)
    rows = [
        (codes[0], "新名", "C3130", "431302", "是"), (codes[3], "老 厂", "3130", "431382", "是"),
        (codes[4][:-1] + "0", "坏码", "C3130", "431302", "是"), (codes[5], "", "C9999", "431399", "是"),
        (codes[6], "两次", "C3130", "431302", "是"), (codes[6], "两次", "C3130", "431302", "是"),
        (gone, "并入", "C3130", "431302", "是"), (codes[7], "不是演示", "C3130", "431302", "否"),
        (codes[2], "甲2", "C3130", "431302", "是"),
    ]  # fmt: skip
    found = sent(database, "\n".join([HEAD, *(",".join(row) for row in rows)]))
    assert [one.does.value for one in found.rows] == [
        "changed", "new", "wrong", "wrong", "wrong", "wrong", "wrong", "wrong", "kept",
    ]  # fmt: skip
    assert [{fault.column for fault in one.faults} for one in found.rows] == [
        set(), set(), {"uscc"}, {"name_zh", "industry", "region"}, *[{"uscc"}] * 4, set()
    ]  # fmt: skip
    assert [tuple(part) for part in found.rows[0].fields] == [("name_zh", "老厂", "新名")]
    assert codes[0] in found.rows[1].remarks[0].en
    assert (found.new, found.changed, found.kept, found.wrong) == (1, 1, 1, 6)


def test_nothing_is_written_before_a_person_confirms_and_wrong_rows_hinder_all(
    database: Metadata, codes: list[str]
) -> None:
    found = sent(database, f"{HEAD}\n{codes[0]},甲,C3130,431302,是\n{codes[1]},乙,C9999,431302,是\n")
    with database.session() as session:
        assert entries(session, known_of(session, NOW)) == []
    with pytest.raises(RegisterRefused, match="1 rows are wrong"):
        confirmed(database, found)
    with database.session() as session:
        assert entries(session, known_of(session, NOW)) == []
    done = confirmed(database, found, skip_wrong=True)
    with database.session() as session:
        assert [one.uscc for one in entries(session, known_of(session, NOW))] == [codes[0]]
        assert {(one.actor, one.kind, one.change) for one in history_of(session, codes[0])} == {
            ("wang", "import", done.change)
        }
        kept = session.get_one(RegisterImport, found.id)
        assert kept.cells == []
        assert [one.action for one in all_entries(session)] == ["register.imported"]
    with pytest.raises(RegisterRefused):
        confirmed(database, found, skip_wrong=True)


def test_a_preview_that_the_register_overtook_is_refused(
    database: Metadata, codes: list[str], enter: Callable[..., str]
) -> None:
    enter(database, 0)
    found = sent(database, f"{HEAD}\n{codes[0]},新名,C3130,431302,是\n")
    enter(database, 5)
    with database.session() as session:
        # What has nothing to do with the file does not hinder it.
        assert not preview_of(session, found.id, NOW).outdated
        edit_enterprise(session, "li", codes[0], Edit(fields={"name_zh": "别名"}), NOW)
    with pytest.raises(Outdated):
        confirmed(database, found)
    with database.session() as session:
        again = preview_of(session, found.id, NOW)
    assert again.outdated
    assert tuple(again.rows[0].fields[0]) == ("name_zh", "别名", "新名")
    confirmed(database, again)


def test_a_preview_is_forgotten_when_it_is_dropped_or_old(database: Metadata, codes: list[str]) -> None:
    text = f"{HEAD}\n{codes[0]},甲,C3130,431302,是\n"
    first, second = sent(database, text), sent(database, text)
    with database.session() as session:
        drop_import(session, first.id, NOW)
    with pytest.raises(RegisterRefused), database.session() as session:
        confirm_import(session, "li", second.id, second.digest, NOW + 2 * DAY)
    sent(database, text, NOW + 2 * DAY)
    with database.session() as session:
        for old in (first, second):
            assert session.get_one(RegisterImport, old.id).cells == []


@pytest.mark.parametrize("excel", [True, False])
@pytest.mark.parametrize("chinese", [True, False])
def test_what_was_exported_comes_back_without_a_change(
    database: Metadata, codes: list[str], enter: Callable[..., str], excel: bool, chinese: bool
) -> None:
    enter(database, 0, name_zh="=HYPERLINK(1)", name_en="@x", park="+1", notes='-2\n"a",\'b', staff="12")
    enter(database, 1, size="小型", revenue="1234.5", founded="2010-05-01", hours_week="40")
    enter(database, 2, industry="A0111", name_zh="'撇号")
    with database.session() as session:
        add_contact(session, "li", codes[0], ContactSpec(name="张三", phone="0738 123"), NOW)
        content = export(session, known_of(session, NOW), Wanted(), excel=excel, chinese=chinese,
                         taken=("li", NOW))  # fmt: skip
        again = preview_file(session, "li", "f", content, NOW, excel=excel)
    assert (again.new, again.changed, again.kept, again.wrong) == (0, 0, 3, 0)
    if excel:
        cells = [
            cell for row in load_workbook(io.BytesIO(content)).worksheets[0] for cell in row if cell.value
        ]
        assert "=HYPERLINK(1)" in [cell.value for cell in cells]
        assert {cell.data_type for cell in cells} == {"s"}
    else:
        first = content.decode("utf-8-sig").splitlines()[1]
        assert "'=HYPERLINK(1)" in first
        assert ",'@x," in first


def test_contacts_leave_only_with_a_line_in_the_trail_and_are_gone_when_deleted(
    database: Metadata, codes: list[str], enter: Callable[..., str]
) -> None:
    enter(database, 0)
    with database.session() as session:
        number = add_contact(session, "li", codes[0], ContactSpec(name="张三", mail="z@x.cn"), NOW)
        plain = export(session, known_of(session, NOW), Wanted(), excel=False)
        assert list(all_entries(session)) == []
        with_them = export(session, known_of(session, NOW), Wanted(), excel=False, taken=("wang", NOW))
    assert "张三" not in plain.decode("utf-8-sig")
    assert "张三" in with_them.decode("utf-8-sig")
    with database.session() as session:
        assert not delete_contact(session, "li", codes[1], number, NOW)
        assert delete_contact(session, "li", codes[0], number, NOW)
        assert contacts_of(session, codes[0]) == []
        told = [(one.actor, one.action) for one in all_entries(session)]
        assert told == [("wang", "register.contacts_exported"), ("li", "register.contact_deleted")]
        assert "张三" not in str(list(all_entries(session)))


@pytest.mark.parametrize("excel", [True, False])
def test_the_template_is_read_and_has_no_rows(database: Metadata, excel: bool) -> None:
    assert read_file(template(excel=excel), excel=excel) == []
    with pytest.raises(RegisterRefused), database.session() as session:
        preview_file(session, "li", "f", template(excel=excel), NOW, excel=excel)


def test_workbooks_that_unpack_to_too_much_or_reach_too_far_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 100_000)
    monkeypatch.setattr(files, "MAX_ROWS", 1_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"0" * 400_001)
    assert len(packed.getvalue()) < 10_000
    with pytest.raises(SheetError, match="too much"):
        read_file(packed.getvalue(), excel=True)
    book, out = Workbook(), io.BytesIO()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["A1002"] = "uscc", "far away"
    book.save(out)
    with pytest.raises(SheetError, match="rows"):
        read_file(out.getvalue(), excel=True)
