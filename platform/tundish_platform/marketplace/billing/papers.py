"""Statements to hand on: a workbook with numbers that add up, and a document for the PDF writer."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from tundish_platform.documents import Align, Column, Document, Facts, Heading, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.marketplace.billing.charges import Line
    from tundish_platform.marketplace.billing.statements import Content, StatementView

Language = Literal["zh", "en"]

_YUAN: Final = "#,##0.00;[Red]-#,##0.00"
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("月度账单", "Monthly statement"),
    "number": ("账单编号", "Number"),
    "month": ("月份", "Month"),
    "plant": ("企业", "Enterprise"),
    "zone": ("时区", "Time zone"),
    "issued": ("开具时间", "Issued"),
    "digest": ("校验值 SHA-256", "SHA-256"),
    "app": ("应用", "App"),
    "item": ("项目", "Item"),
    "plan_key": ("方案", "Plan"),
    "price": ("单价(元)", "Price (CNY)"),
    "quantity": ("数量", "Quantity"),
    "unit": ("计量", "Measured in"),
    "amount": ("金额(元)", "Amount (CNY)"),
    "charges": ("费用合计", "Charges"),
    "corrections": ("更正合计", "Corrections"),
    "brought": ("上期结转", "Credit brought forward"),
    "vouchers": ("云券抵扣", "Vouchers redeemed"),
    "total": ("应付合计", "To be paid"),
    "carried": ("结转下期", "Credit carried forward"),
    "voucher": ("云券编号", "Voucher"),
    "lines": ("费用明细", "Charges by subscription"),
    "usage": ("每日用量", "Usage by day"),
    "day": ("日期", "Day"),
    "state": ("状态", "State"),
    "runs": ("运行次数", "Runs"),
    "accepted": ("计费运行", "Accepted runs"),
    "rows": ("读取样本数", "Samples read"),
    "signals": ("授权信号数", "Signals granted"),
    "plan": ("订阅费", "subscription"),
    "trial": ("试用", "trial"),
    "free": ("免费", "free"),
    "paused": ("暂停", "paused"),
    "billed": ("计费", "charged"),
    "correction": ("更正", "correction"),
    "flat": ("天", "days"),
    "per_signal": ("信号·天", "signal-days"),
    "per_run": ("次", "runs"),
    "rule": (
        (
            "每行按天折算, 四舍五入到分(半分进一), 整月恰为月价。天以企业所在时区计; "
            "当天最后运行的方案决定当天的计费, 整天暂停不计费。本账单不是税务发票。"
        ),
        (
            "Each line is apportioned by day and rounded once to a fen, half a fen up; a whole month is "
            "exactly its price. Days are the plant's own; the plan that ran last on a day decides it, and a "
            "day paused throughout costs nothing. This is no tax invoice."
        ),
    ),
}


def statement_workbook(view: StatementView, language: Language) -> bytes:
    """The statement as an Excel workbook: lines with their total, and the usage of each day."""
    # A tenth of a second to import, and most processes never write a workbook.
    from openpyxl import Workbook  # noqa: PLC0415 - see above

    book, content = Workbook(), view.content
    sheet: Any = book.active
    sheet.title = _say("title", language)
    for name, value in _head(view, language):
        _put(sheet, [name, value])
    sheet.append([])
    _put(sheet, _heads(language))
    for line in content.lines:
        _put(sheet, [*_named(content, line, language), line.fen / 100, line.quantity,
                     _say(_unit(line), language), line.amount_fen / 100], money=(4, 7))  # fmt: skip
    sheet.append([])
    for one in content.redeemed:
        _put(sheet, [_say("voucher", language), one.code, *[""] * 4, -one.fen / 100], money=(7,))
    for name, fen in _sums(content, language):
        _put(sheet, [name, *[""] * 5, fen / 100], money=(7,))
    _put(sheet, [_say("rule", language)])
    for letter, width in zip("ABCDEFG", (28, 40, 14, 14, 10, 14, 16), strict=True):
        sheet.column_dimensions[letter].width = width
    used: Any = book.create_sheet(_say("usage", language))
    columns = ("day", "app", "plan_key", "state", "runs", "accepted", "rows", "signals")
    _put(used, [_say(name, language) for name in columns])
    for day in content.usage:
        _put(used, [day.day, _app(content, day.app, language), day.plan, _say(day.state, language), day.runs,
                    day.accepted, day.rows, day.signals])  # fmt: skip
    used.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def statement_document(view: StatementView, language: Language) -> Document:
    """The statement as a document, for `tundish_platform.documents.pdf_of`."""
    content = view.content
    columns = tuple(
        Column(name, Align.LEFT if at in {0, 1, 2, 5} else Align.RIGHT, share)
        for at, (name, share) in enumerate(
            zip(_heads(language), (2.2, 2, 1.1, 1.2, 1, 1.1, 1.3), strict=True)
        )
    )
    rows = [
        (*_named(content, line, language), _yuan(line.fen), str(line.quantity), _say(_unit(line), language),
         _yuan(line.amount_fen))
        for line in content.lines
    ]  # fmt: skip
    rows += [
        (_say("voucher", language), one.code, "", "", "", "", _yuan(-one.fen)) for one in content.redeemed
    ]
    total = (_say("total", language), "", "", "", "", "", _yuan(content.total_fen))
    sums = tuple((name, _yuan(fen)) for name, fen in _sums(content, language)[:-1] if fen)
    name = content.name_zh if language == "zh" else content.name_en
    moment = view.issued_at.astimezone(ZoneInfo(content.timezone))
    return Document(
        title=f"{_say('title', language)} {content.month}", language=language,
        blocks=(
            Facts(_head(view, language)),
            Heading(_say("lines", language), 2),
            Table(columns, (*rows, total), total=True),
            Facts(sums),
            Paragraph(_say("rule", language), "small"),
        ),
        source=f"Tundish · {content.tenant} · {view.digest[:16]}", moment=view.issued_at,
        moment_text=f"{moment:%Y-%m-%d %H:%M}", subtitle=name,
    )  # fmt: skip


def _head(view: StatementView, language: Language) -> tuple[tuple[str, str], ...]:
    content = view.content
    name = content.name_zh if language == "zh" else content.name_en
    moment = view.issued_at.astimezone(ZoneInfo(content.timezone))
    said = {
        "number": f"{content.tenant}-{view.number:04d}", "month": content.month, "plant": name,
        "zone": content.timezone, "issued": f"{moment:%Y-%m-%d %H:%M}", "digest": view.digest,
    }  # fmt: skip
    return tuple((_say(key, language), value) for key, value in said.items())


def _heads(language: Language) -> list[str]:
    names = ("app", "item", "plan_key", "price", "quantity", "unit", "amount")
    return [_say(name, language) for name in names]


def _named(content: Content, line: Line, language: Language) -> tuple[str, str, str]:
    item = f"{_say(line.kind, language)} {line.month}"
    return _app(content, line.app, language), item, line.plan


def _sums(content: Content, language: Language) -> list[tuple[str, int]]:
    sums = {
        "charges": content.charges_fen, "corrections": content.corrections_fen,
        "brought": content.brought_fen, "vouchers": -content.vouchers_fen, "carried": content.carried_fen,
        "total": content.total_fen,
    }  # fmt: skip
    return [(_say(name, language), fen) for name, fen in sums.items()]


def _unit(line: Line) -> str:
    return "flat" if line.kind in {"trial", "free"} else line.plan_kind


def _app(content: Content, app: str, language: Language) -> str:
    return content.names.get(app, (app, app))[0 if language == "zh" else 1]


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _say(word: str, language: Language) -> str:
    return _WORDS[word][0 if language == "zh" else 1]


def _put(sheet: Any, cells: Sequence[object], money: tuple[int, ...] = ()) -> None:  # noqa: ANN401 - a sheet
    sheet.append(list(cells))
    for cell in sheet[sheet.max_row]:
        if isinstance(cell.value, str):
            # Set as text, or "=A1" from somebody's manifest would become a formula.
            cell.data_type = "s"
        if cell.column in money:
            cell.number_format = _YUAN
