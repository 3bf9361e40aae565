"""Codes of enterprises that nobody has, and a register with some of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.programme.register.changes import Edit, enter_enterprise
from tundish_platform.programme.uscc import check_digit, organisation_digit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)


def code_of(number: int) -> str:
    """The fictional code of that number."""
    body = f"TD{number:06d}"
    code = f"91999900{body}{organisation_digit(body)}"
    return code + check_digit(code)


@pytest.fixture
def codes() -> list[str]:
    return [code_of(number) for number in range(1, 20)]


@pytest.fixture
def enter(codes: list[str]) -> Callable[..., str]:
    """Enter the enterprise of a number on a register."""

    def entered(metadata: Metadata, number: int, now: datetime = NOW, **fields: str) -> str:
        said = {"name_zh": f"甲{number}", "industry": "C3130", "region": "431302"} | fields
        edit = Edit(fields=said, valid_from=date(2020, 1, 1))
        with metadata.session() as session:
            enter_enterprise(session, "li", codes[number], edit, now, demo=True)
        return codes[number]

    return entered
