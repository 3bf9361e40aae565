"""Rules files, CSV or Excel: read with an error for each wrong cell, written as Excel shows them right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tundish_connectors.opcua.rules import Rule, RuleSet
from tundish_platform.samples import SignalRole
from tundish_platform.samples.sheets import read_sheet, truth_of, write_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

COLUMNS = (
    "match", "type", "collect", "path", "name_zh", "name_en", "semantic", "role", "unit", "low", "high",
    "period_s", "step",
)  # fmt: skip


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
        rows = read_sheet(path.read_bytes(), COLUMNS, "match", excel=path.suffix.lower() == ".xlsx")
    except (OSError, ValueError) as error:
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
    rows = ([getattr(rule, name) for name in COLUMNS] for rule in rules)
    path.write_bytes(write_sheet(COLUMNS, rows, "signals", excel=path.suffix.lower() == ".xlsx"))


def _rule(number: int, cells: dict[str, str], errors: list[RowError]) -> Rule | None:
    said: dict[str, Any] = {"row": number}
    found: list[RowError] = []
    for name, cell in cells.items():
        if name in {"collect", "step"}:
            truth = truth_of(cell)
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


def _not_a_truth(cell: str) -> tuple[str, str]:
    return f"应为 是 或 否,而非 {cell!r}。", f"yes or no, not {cell!r}."
