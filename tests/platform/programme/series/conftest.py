"""A city of made enterprises in a metadata database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.programme import Enterprise

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy.metadata import Metadata


@pytest.fixture
def city() -> Callable[[Metadata, int], None]:
    """Registers so many enterprises, numbered from 1: every sixth in county 431321, the rest in 431302."""

    def register(metadata: Metadata, count: int) -> None:
        with metadata.session() as session:
            for n in range(1, count + 1):
                session.add(
                    Enterprise(
                        id=n, uscc=f"{n:018d}", name_zh="厂", name_en="Plant", industry="C3130", demo=True,
                        region="431321" if n % 6 == 0 else "431302", hours_week=168.0,
                        registered_at=datetime(2025, 1, 1, tzinfo=UTC),
                    )
                )  # fmt: skip

    return register
