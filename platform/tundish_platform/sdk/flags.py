"""Which values of an output are an alarm, as its manifest declares it: ``above:0``, ``is:signals``. Pure."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_TESTS: Final[dict[str, Callable[[float, float], bool]]] = {
    "above": operator.gt, "at_least": operator.ge, "below": operator.lt, "at_most": operator.le,
}  # fmt: skip
_NUMBER: Final = re.compile(rf"({'|'.join(_TESTS)}):(-?\d{{1,12}}(?:\.\d{{1,12}})?)")
_WORDS: Final = re.compile(r"is:([^|\s][^|]{0,99}(?:\|[^|\s][^|]{0,99}){0,9})")


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule that tells values which call for somebody from those that do not.

    Attributes:
        test: ``above``, ``at_least``, ``below``, ``at_most`` with `threshold`, or ``is`` with `words`.
    """

    test: str
    threshold: float = 0.0
    words: tuple[str, ...] = ()

    @property
    def of_text(self) -> bool:
        """Whether it is about a text output."""
        return self.test == "is"

    def holds(self, value: float | str | None) -> bool:
        """Whether the value is an alarm; a value that the app could not tell is none."""
        if self.of_text:
            return value in self.words
        return isinstance(value, int | float) and _TESTS[self.test](value, self.threshold)


def flag_of(said: str) -> Flag:
    """The rule that a manifest's ``flags`` says.

    Raises:
        ValueError: it says none.
    """
    number, words = _NUMBER.fullmatch(said), _WORDS.fullmatch(said)
    if number:
        return Flag(number[1], threshold=float(number[2]))
    if words:
        return Flag("is", words=tuple(words[1].split("|")))
    raise ValueError(
        f"flags {said!r} is none of above:, at_least:, below:, at_most: a number, or is:word|word"
    )
