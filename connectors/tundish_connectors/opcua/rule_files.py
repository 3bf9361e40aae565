"""Rules files, CSV or Excel: read with an error for each wrong cell, written as Excel shows them right."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from pydantic import ValidationError

from tundish_connectors.opcua.rules import Rule, RuleSet
from tundish_platform.samples import SignalRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

COLUMNS = (
    "match", "type", "collect", "path", "name_zh", "name_en", "semantic", "role", "unit", "low", "high",
    "period_s", "step",
)  # fmt: skip
_YES = {"yes", "y", "true", "1", "是"}
_NO = {"no", "n", "false", "0", "否"}
_MOST_ROWS = 200_000
_MOST_BYTES = 64 * 1024**2
# A cell that begins so is a formula to a spreadsheet program, and browse names come from a machine.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one row; row 0 is the file as a whole."""

    row: int
    column: str
    message_zh: str
    message_en: str


class RulesError(ValueError):
    """The file cannot be used; nothing of it was applied. ``errors`` names every wrong cell."""

    def __init__(self, path: Path, errors: Sequence[RowError]) -> None:
        shown = "; ".join(f"row {e.row} {e.column}: {e.message_en}" for e in errors[:10])
        super().__init__(f"{path}: {shown}")
        self.errors = tuple(errors)


def load_rules(path: Path) -> RuleSet:
    """The rules of a ``.csv`` or ``.xlsx`` file.

    Raises:
        RulesError: the file or some of its rows cannot be used.
    """
    errors: list[RowError] = []
    rules: list[Rule] = []
    try:
        rows = list(_excel(path) if path.suffix.lower() == ".xlsx" else _text(path))
    except (OSError, ValueError, KeyError, csv.Error) as error:
        said = RowError(0, "", f"文件无法读取({error})。", f"the file cannot be read ({error}).")
        raise RulesError(path, [said]) from error
    for number, cells in rows:
        rule = _rule(number, cells, errors)
        if rule is not None:
            rules.append(rule)
    if errors:
        raise RulesError(path, errors)
    return RuleSet(tuple(rules))


def save_rules(path: Path, rules: Iterable[Rule]) -> None:
    """Write rules as ``.csv`` (UTF-8 with a mark, which Excel needs) or ``.xlsx``.

    Raises:
        OSError: the file cannot be written.
    """
    rows = [[_cell(getattr(rule, name)) for name in COLUMNS] for rule in rules]
    if path.suffix.lower() == ".xlsx":
        _write_excel(path, rows)
        return
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([[_harmless(cell) for cell in row] for row in rows])
    path.write_bytes(out.getvalue().encode("utf-8-sig"))


def _rule(number: int, cells: dict[str, str], errors: list[RowError]) -> Rule | None:
    said: dict[str, Any] = {"row": number}
    found: list[RowError] = []
    for name, cell in cells.items():
        if name in {"collect", "step"}:
            truth = _truth(cell)
            if truth is None:
                found.append(RowError(number, name, *_not_a_truth(cell)))
            said[name] = truth
        else:
            said[name] = cell
    if found:
        errors += found
        return None
    try:
        rule = Rule.model_validate(said)
    except ValidationError as error:
        errors += [_row_error(number, problem) for problem in error.errors()]
        return None
    if unknown := rule.unknown_places():
        places = ", ".join(unknown)
        errors.append(
            RowError(
                number, "path", f"匹配式中没有 {{{places}}}。", f"the pattern has no place {{{places}}}."
            )
        )
    return rule


def _row_error(number: int, problem: Any) -> RowError:  # noqa: ANN401 - pydantic's error details
    column = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return RowError(number, column, "此列不能为空。", "must not be empty.")
    if column == "role":
        roles = ", ".join(role.value for role in SignalRole)
        return RowError(number, column, f"应为以下之一:{roles}。", f"one of {roles}.")
    message = str(problem["msg"]).removeprefix("Value error, ")
    return RowError(number, column, f"值 {problem['input']!r} 不可用:{message}。", f"{message}.")


def _truth(cell: str) -> bool | None:
    if cell.lower() in _YES:
        return True
    return False if cell.lower() in _NO else None


def _not_a_truth(cell: str) -> tuple[str, str]:
    return f"应为 是 或 否,而非 {cell!r}。", f"yes or no, not {cell!r}."


def _text(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    data = path.read_bytes()
    if len(data) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What a Chinese Excel writes as plain CSV.
        text = data.decode("gb18030")
    return _table(csv.reader(io.StringIO(text, newline="")))


def _excel(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - Excel files only
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError) as error:
        raise ValueError(f"no Excel workbook: {error}") from error
    try:
        sheet = book.worksheets[0]
        rows = [["" if cell is None else _shown(cell) for cell in row] for row in sheet.values]
    finally:
        book.close()
    return _table(rows)


def _shown(cell: object) -> str:
    # Excel keeps every number as a float; 3.0 was written as 3.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _table(rows: Iterable[Sequence[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    header: list[str] | None = None
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if header is None:
            header = [cell.lower() for cell in cells]
            if "match" not in header or (odd := sorted(set(header) - set(COLUMNS) - {""})):
                raise ValueError(f"the first row names the columns {', '.join(COLUMNS)}; got {odd or header}")
            continue
        if number > _MOST_ROWS:
            raise ValueError(f"more than {_MOST_ROWS} rows")
        yield number, {name: _bare(cell) for name, cell in zip(header, cells, strict=False) if name and cell}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value.value) if isinstance(value, SignalRole) else str(value)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _number(cell) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _write_excel(path: Path, rows: list[list[str]]) -> None:
    from openpyxl import Workbook  # noqa: PLC0415 - Excel files only

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "signals"
    sheet.freeze_panes = "A2"
    sheet.append(COLUMNS)
    for down, row in enumerate(rows, start=2):
        for across, cell in enumerate(row, start=1):
            if cell:
                # Set as text, or "=A1" from a browse name would become a formula.
                target = sheet.cell(down, across)
                target.value = cell
                target.data_type = "s"
    book.save(path)
