"""Documents are read back by PDFium, the reader of browsers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest

from tundish_platform.documents import (
    Align,
    Chart,
    ChartSeries,
    Column,
    Document,
    Facts,
    FontsMissing,
    Heading,
    Paragraph,
    Span,
    Table,
    Timeline,
    TimelineRow,
    fonts,
    pdf_of,
)
from tundish_platform.documents.charts import scale
from tundish_platform.documents.wrapping import wrap

MOMENT = datetime(2026, 3, 1, 8, tzinfo=UTC)
ROWS = tuple((f"行{n}", "主轴承温度超过限值, 由维护班确认", f"{n}") for n in range(60))
DOCUMENT = Document(
    "影子试运行报告", "zh",
    (
        Heading("概要"),
        Paragraph("没有已知结果的告警注明未评判。Words such as hot-rolling stay whole.", "warning"),
        Facts((("应用", "SPC监控"), ("费用", "¥ 120.00"))),
        Table((Column("时间"), Column("说明", share=3), Column("提前量", Align.RIGHT)), ROWS, total=True),
        Chart("值", ("一", "二", "三"), (ChartSeries("a", (1.0, None, 3.0)),), "line", "kW"),
        Chart("次数", ("一", "二"), (ChartSeries("a", (1.0, 0.0)), ChartSeries("b", (2.0, None))), "bars"),
        Timeline(
            "时间线", MOMENT - timedelta(days=1), MOMENT,
            (TimelineRow("停机", (Span(MOMENT - timedelta(hours=3), MOMENT - timedelta(hours=2)),)),),
            "昨日", "今日",
        ),
    ),
    "演示企业", MOMENT, "2026-03-01 16:00",
)  # fmt: skip


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return pdf_of(DOCUMENT)


@pytest.fixture(scope="module")
def pages(pdf: bytes) -> list[str]:
    read = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_range() for page in read]


def test_chinese_and_latin_text_is_found_again(pages: list[str]) -> None:
    whole = "".join(pages)
    for text in (
        "影子试运行报告",
        "没有已知结果的告警",
        "hot-rolling",
        "费用",
        "¥ 120.00",
        "主轴承温度",
        "时间线",
        "停机",
    ):
        assert text in whole, text
    assert "�" not in whole


def test_heads_feet_and_page_numbers_are_on_every_page(pages: list[str]) -> None:
    assert len(pages) >= 3
    for number, text in enumerate(pages, 1):
        assert f"第 {number} 页, 共 {len(pages)} 页" in text
        assert "演示企业 · 2026-03-01 16:00" in text
        assert ("说明" in text) == ("主轴承" in text)


def test_fonts_are_embedded_and_a_fraction_of_their_size(pdf: bytes) -> None:
    assert pdf.count(b"/FontFile") == 2
    assert len(pdf) < 100_000


def test_the_same_document_gives_the_same_bytes(pdf: bytes) -> None:
    assert pdf_of(DOCUMENT) == pdf


def test_without_fonts_the_refusal_names_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(fonts, "FAMILIES", ("No Such Family",))
    monkeypatch.setattr(fonts, "_DEBIAN", tmp_path)
    fonts.find_fonts.cache_clear()
    with pytest.raises(FontsMissing, match="apt-get install fonts-noto-cjk") as raised:
        fonts.find_fonts()
    assert "fonts-noto-cjk" in raised.value.zh
    fonts.find_fonts.cache_clear()


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Document("a", "en", (), "c", datetime(2026, 1, 1), "d")


def test_tables_and_charts_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="text a column"):
        Table((Column("a"), Column("b")), (("1",),))
    with pytest.raises(ValueError, match="value a label"):
        Chart("a", ("1", "2"), (ChartSeries("a", (1.0,)),))


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("一二三四五", 2, ["一二", "三四", "五"]),
        ("一二,三四", 2, ["一", "二,", "三四"]),
        ("一(二)三", 3, ["一", "(二)", "三"]),
        ("hot rolling", 8, ["hot", "rolling"]),
        ("热轧hot-rolling线", 11, ["热轧", "hot-rolling", "线"]),
        ("abcdef", 4, ["abcd", "ef"]),
        ("a\n\nb", 4, ["a", "", "b"]),
        ("", 4, [""]),
    ],
)
def test_lines_break_where_the_languages_allow(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width, len) == lines


@pytest.mark.parametrize(
    ("values", "zero"),
    [([], False), ([5.0], False), ([0.0], True), ([0.0001, 0.0002], True), ([-3e6, 7e6], False)],
)
def test_a_scale_holds_its_values_between_round_numbers(values: list[float], zero: bool) -> None:
    ticks = scale(values, zero=zero)
    assert 2 <= len(ticks) <= 8
    assert all(ticks[0] <= value <= ticks[-1] for value in values)
    assert not zero or ticks[0] <= 0 <= ticks[-1]
