"""A code belongs to one thing for good; what it is, strangers are told only once it was published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tundish_platform.assets import list_assets
from tundish_platform.audit import entries_of
from tundish_platform.products import (
    CodeSpec,
    PrefixInfo,
    PrefixRefused,
    ProductSpec,
    RowsRefused,
    UnknownCode,
    assign_codes,
    declare_products,
    find_prefix,
    list_codes,
    publish_codes,
    published_thing,
    set_prefix,
)
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PREFIX = "88.123.45678"
PIECE = {"suffix": "M-1", "product": {"series": "module", "number": "M1"}}
PUMP = {"suffix": "PUMP/1", "asset": "S/A/L1/M1"}


def code(said: dict[str, Any]) -> CodeSpec:
    return CodeSpec.model_validate(said)


@pytest.fixture
def made(metadata: Metadata, scopes: dict[str, TenantScope]) -> list[int]:
    """Two modules of steel, and its prefix."""
    spec = {"kind": "piece", "series": "module", "material": "IGBT 1200 V"}
    specs = [ProductSpec.model_validate(spec | {"number": number}) for number in ("M1", "M2")]
    with metadata.session() as session:
        set_prefix(session, scopes["owner"], PREFIX, NOW)
        return declare_products(session, scopes["mes"], specs, NOW).ids


def test_a_code_is_given_once_and_leads_to_its_thing(
    metadata: Metadata, scopes: dict[str, TenantScope], made: list[int]
) -> None:
    owner = scopes["owner"]
    with metadata.session() as session:
        given = assign_codes(session, owner, [code(PIECE), code(PUMP)])
        assert given == [f"{PREFIX}/M-1", f"{PREFIX}/PUMP/1"]
        assert assign_codes(session, owner, [code(PIECE), code(PUMP)]) == given
        (found,) = list_codes(session, owner, code=given[0])
        assert (found.product, found.asset, found.published_at) == (made[0], None, None)
        pump = next(a.id for a in list_assets(session, owner) if a.path == "S/A/L1/M1")
        assert [one.asset for one in list_codes(session, owner, after=found.id)] == [pump]
        assert [one.code for one in list_codes(session, owner, product=made[0])] == given[:1]
    other = code(PIECE | {"product": {"series": "module", "number": "M2"}})
    missing = code({"suffix": "M-3", "product": {"series": "module", "number": "M3"}})
    with pytest.raises(RowsRefused) as refused, metadata.session() as session:
        assign_codes(session, owner, [code(PIECE | {"suffix": "M-9"}), other, missing])
    assert [(fault.row, fault.column) for fault in refused.value.faults] == [(1, "suffix"), (2, "product")]
    with metadata.session() as session:
        assert len(list_codes(session, owner)) == 2, "nothing of the refused body was stored"


def test_two_things_cannot_get_one_code_in_one_body(
    metadata: Metadata, scopes: dict[str, TenantScope], made: list[int]
) -> None:
    assert made
    other = code(PIECE | {"product": {"series": "module", "number": "M2"}})
    with pytest.raises(RowsRefused), metadata.session() as session:
        assign_codes(session, scopes["owner"], [code(PIECE), other])


def test_strangers_are_told_nothing_before_a_code_is_published_and_little_after(
    metadata: Metadata, scopes: dict[str, TenantScope], made: list[int]
) -> None:
    owner = scopes["owner"]
    with metadata.session() as session:
        whole, pump = assign_codes(session, owner, [code(PIECE), code(PUMP)])
        for asked in (whole, "88.123.45678/none"):
            with pytest.raises(UnknownCode):
                published_thing(session, asked)
        assert list_codes(session, scopes["owner-power"]) == []
        assert publish_codes(session, owner, [whole], NOW, published=True) == 1
        assert publish_codes(session, owner, [whole], NOW, published=True) == 0
        told = published_thing(session, whole)
        assert told.model_dump(exclude={"published_at"}) == {
            "code": whole, "kind": "piece", "number": "M1", "material": "IGBT 1200 V", "name_zh": "",
            "name_en": "", "enterprise_zh": "steel 厂", "enterprise_en": "steel",
        }  # fmt: skip
        publish_codes(session, owner, [pump], NOW, published=True)
        assert (published_thing(session, pump).kind, published_thing(session, pump).name_en) == (
            "asset",
            "M1",
        )
        publish_codes(session, owner, [whole], NOW, published=False)
        with pytest.raises(UnknownCode):
            published_thing(session, whole)
        actions = [entry.action for entry in entries_of(session, owner)]
    assert actions == ["code.unpublished", "code.published", "code.published", "code.prefix_set"]
    assert made


def test_only_who_manages_publishes_and_only_what_is_the_tenants(
    metadata: Metadata, scopes: dict[str, TenantScope], made: list[int]
) -> None:
    assert made
    with metadata.session() as session:
        (whole,) = assign_codes(session, scopes["owner"], [code(PIECE)])
        for refused in (
            lambda: publish_codes(session, scopes["mes"], [whole], NOW, published=True),
            lambda: assign_codes(session, scopes["mes"], [code(PIECE)]),
            lambda: set_prefix(session, scopes["mes"], PREFIX, NOW),
        ):
            with pytest.raises(AccessDenied):
                refused()
        with pytest.raises(RowsRefused):
            publish_codes(session, scopes["owner-power"], [whole], NOW, published=True)


def test_a_prefix_is_one_tenants_and_stays_once_codes_were_given(
    metadata: Metadata, scopes: dict[str, TenantScope], made: list[int]
) -> None:
    assert made
    with pytest.raises(PrefixRefused, match="another enterprise"), metadata.session() as session:
        set_prefix(session, scopes["owner-power"], PREFIX, NOW)
    with metadata.session() as session:
        with pytest.raises(PrefixRefused, match="no prefix yet"):
            find_prefix(session, scopes["owner-power"])
        set_prefix(session, scopes["owner"], "88.123.9", NOW)
        assign_codes(session, scopes["owner"], [code(PIECE)])
        with pytest.raises(PrefixRefused, match="stays"):
            set_prefix(session, scopes["owner"], PREFIX, NOW)
        assert find_prefix(session, scopes["owner"]) == "88.123.9"


@pytest.mark.parametrize("prefix", ["88.123", "88.abc.1", "8.1.1", "88.1.1/", "88.1.1.1", "88.1.é"])
def test_a_prefix_has_three_parts(prefix: str) -> None:
    with pytest.raises(ValidationError):
        PrefixInfo(prefix=prefix)


@pytest.mark.parametrize(
    "wrong", [{"suffix": ""}, {"suffix": "a b"}, {"suffix": "炉"}, {"asset": "S"}, {"product": None}]
)
def test_a_code_has_a_printable_suffix_and_one_thing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        code(PIECE | wrong)
