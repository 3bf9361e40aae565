"""What is wrong with which rows of a bulk body, gathered until the whole body was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_platform.api.errors import Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_NAMED: Final = 100


class RowErrors:
    """Wrong rows, counted all, named up to `MOST_NAMED`."""

    def __init__(self) -> None:
        self._named: dict[int, dict[str, Any]] = {}
        self._rows: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, row: int, column: str, en: str, zh: str) -> None:
        """A wrong row, counted from 0; the first thing that is wrong with it is told."""
        self._rows.add(row)
        if row not in self._named:
            self._named[row] = {"row": row, "column": column, "message": en, "message_zh": zh}

    def add_where(
        self, wrong: NDArray[np.bool_], rows: NDArray[np.int64], column: str, en: str, zh: str
    ) -> None:
        """All rows of a mask.

        Args:
            wrong: shape ``(n,)``.
            rows: their numbers in the body, shape ``(n,)``.
            column: in which the fault lies.
            en: what is wrong.
            zh: the same in Chinese.
        """
        for row in rows[wrong].tolist():
            self.add(row, column, en, zh)

    def problem(self) -> Problem:
        """The refusal of the whole body."""
        count = len(self._rows)
        first = [self._named[row] for row in sorted(self._named)[:MOST_NAMED]]
        start = f"Nothing was stored: {count} rows are wrong, the first is row {first[0]['row']}"
        return Problem(
            422,
            f"{start} ({first[0]['column']} {first[0]['message']}).",
            f"未存储任何数据: {count} 行有误, 首个为第 {first[0]['row']} 行 "
            f"({first[0]['column']} {first[0]['message_zh']})。",
            "bad_rows",
            wrong=count,
            rows=first,
        )
