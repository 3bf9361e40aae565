"""Both kinds of database take a made city, and publish entries that were merged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from tundish_deploy.city import load_city
from tundish_platform.programme import assess, published_rules, register_enterprise
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.published import HeadSigner, publish
from tundish_platform.programme.series.frozen import frozen_months
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_both_databases_take_a_city_and_a_fictional_enterprise_after_it(metadata: Metadata) -> None:
    load_city(metadata.above(Above.OPERATOR), 30, 7, 1, NOW, lambda _text: None)
    with metadata.above(Above.OPERATOR).session() as session:
        one = register_enterprise(
            session, uscc="91999900TD0000017U", name_zh="厂", name_en="P", industry="C3130",
            region="430202", demo=True,
        )  # fmt: skip
        assert one.id == 31
        assert len(frozen_months(session)) == 7


def test_a_merged_entry_is_published_with_the_one_that_stands_for_it(
    metadata: Metadata, city: Callable[[Metadata, int], None]
) -> None:
    city(metadata, 24)
    rule = published_rules()["2026.1"]
    with metadata.session() as session:
        assess(session, rule, {}, NOW)
        session.flush()
        # Of these only the entry that is gone was ever assessed.
        kept, gone = session.get_one(Enterprise, 1), session.get_one(Enterprise, 2)
        session.delete(kept)
        session.flush()
        session.add(
            Enterprise(
                id=30, uscc=f"{30:018d}", name_zh="厂", name_en="Plant", industry="C3130", demo=True,
                region="431302", hours_week=168.0, registered_at=NOW,
            )
        )  # fmt: skip
        gone.merged_into = 30
        session.flush()
        head = publish(session, HeadSigner(SecretStr("k" * 40)), rule, "officer", NOW)
    assert head.size > 0
