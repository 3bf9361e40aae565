from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from tundish_platform.samples import sheets
from tundish_platform.samples.sheets import SheetError, read_sheet, write_sheet

COLUMNS = ("path", "name")
# What is trimmed at the ends, begins a note, or cannot be in a workbook has no place in a name.
CELLS = st.text(st.characters(min_codepoint=32, exclude_categories=["C", "Z"]), max_size=8).filter(
    lambda cell: not cell.startswith(("#", "'"))
)


@settings(max_examples=30, deadline=None)
@given(names=st.lists(CELLS, max_size=5), excel=st.booleans())
def test_what_is_written_is_read_again_and_no_cell_is_a_formula(names: list[str], excel: bool) -> None:
    rows = [(f"S/{number}", name) for number, name in enumerate(names)]
    data = write_sheet(COLUMNS, rows, "t", excel=excel)
    read = [
        (cells["path"], cells.get("name", "")) for _, cells in read_sheet(data, COLUMNS, "path", excel=excel)
    ]
    assert read == rows
    if excel:
        sheet = load_workbook(io.BytesIO(data)).worksheets[0]
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    else:
        assert not any(line.split(b",")[1].startswith((b"=", b"@")) for line in data.splitlines()[1:])


def test_a_chinese_excels_plain_csv_is_read_and_notes_are_passed_over() -> None:
    data = "# 说明\npath,name\n\nS/A,炉温\n".encode("gb18030")
    assert read_sheet(data, COLUMNS, "path", excel=False) == [(4, {"path": "S/A", "name": "炉温"})]


@pytest.mark.parametrize(
    ("data", "excel"),
    [(b"name\nx\n", False), (b"path,odd\nx,y\n", False), (b"\xff\xff", False), (b"PK", True),
     (b"path\na\nb\nc\n", False)],
)  # fmt: skip
def test_a_file_that_is_no_such_table_is_refused(data: bytes, excel: bool) -> None:
    with pytest.raises(SheetError):
        read_sheet(data, COLUMNS, "path", excel=excel, max_rows=3)


def test_a_workbook_that_unpacks_to_too_much_is_refused_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_BYTES", 10_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"0" * 1_000_000)
    assert len(packed.getvalue()) < 10_000
    with pytest.raises(SheetError, match="too much"):
        read_sheet(packed.getvalue(), COLUMNS, "path", excel=True)
