"""An officer sends a workbook to the register, looks at what it would do, and lets it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PATIENT_MS = 60_000
NEW = "91999900TD0000041C"
HEADS = ("统一社会信用代码", "企业名称", "行业代码", "区县代码", "演示企业")
ROWS = (
    (NEW, "浏览器录入企业(演示)", "C3130", "431382", "是"),
    ("91999900TD000005X4", "错误行", "C9999", "431382", "是"),
)


def workbook() -> bytes:
    """A real workbook as a spreadsheet writes it: one row that is right and one that is not."""
    book, sink = Workbook(), io.BytesIO()
    for row in (HEADS, *ROWS):
        book.active.append(row)
    book.save(sink)
    return sink.getvalue()


def test_a_workbook_is_sent_looked_at_and_taken(visit: Visit) -> None:
    expect.set_options(timeout=PATIENT_MS)
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    visit.log_in("bureau", "/bureau/register")
    mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    with page.expect_file_chooser() as chooser:
        page.click("#register-upload button")
    chooser.value.set_files({"name": "企业.xlsx", "mimeType": mime, "buffer": workbook()})
    page.wait_for_url("**/bureau/register/imports/*")
    expect(page.locator("#import-body")).to_contain_text("企业.xlsx")
    expect(page.locator("#import-body")).to_contain_text("浏览器录入企业(演示)")
    expect(page.locator("#import-body")).to_contain_text("C9999")
    page.click("label[for=import-skip]")
    page.click("#import-confirm")
    expect(page.locator("#import-body .notice-good")).to_be_visible()
    page.goto(page.url.split("/imports/")[0] + f"/{NEW}")
    expect(page.locator("h1")).to_contain_text("浏览器录入企业(演示)")


def test_what_is_no_workbook_is_refused_where_it_was_sent(visit: Visit) -> None:
    expect.set_options(timeout=PATIENT_MS)
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    visit.log_in("bureau", "/bureau/register")
    with page.expect_file_chooser() as chooser:
        page.click("#register-upload button")
    chooser.value.set_files({"name": "broken.xlsx", "mimeType": "text/plain", "buffer": b"PK no workbook"})
    expect(page.locator("#register-upload-message")).not_to_be_empty()
    assert page.url.endswith("/bureau/register")
