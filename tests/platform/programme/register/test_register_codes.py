"""Codes, size classes and fields as tables of cases."""

from __future__ import annotations

import pytest

from tundish_platform.programme.register.codes import (
    UnknownCode,
    counties,
    county_code,
    industries,
    industry_code,
)
from tundish_platform.programme.register.fields import FieldRefused, spelled
from tundish_platform.programme.register.sizes import size_class


def test_the_table_has_all_sections_and_divisions_with_names_in_both_languages() -> None:
    sections = [code for code in industries() if len(code) == 1]
    divisions = [code for code in industries() if len(code) == 3]
    assert sections == list("ABCDEFGHIJKLMNOPQRST")
    assert [code[1:] for code in divisions] == [f"{n:02}" for n in range(1, 98)]
    assert [code[0] for code in divisions] == sorted(code[0] for code in divisions)
    assert all(zh and en.isascii() for zh, en in industries().values())


def test_the_table_has_the_counties_of_hunan() -> None:
    places = [code for code in counties() if not code.endswith("00")]
    assert len(places) == 122
    assert sorted(code for code in places if code.startswith("4313")) == [
        "431302", "431321", "431322", "431381", "431382",
    ]  # fmt: skip
    assert len([code for code in places if code.startswith("4302")]) == 9
    # Each county lies in a prefecture of the table.
    assert {f"{code[:4]}00" for code in places} == {code for code in counties() if code.endswith("00")}


@pytest.mark.parametrize(
    ("typed", "code"),
    [("C3130", "C3130"), ("3130", "C3130"), ("c31", "C31"), ("0111", "A0111"), ("97", "T97"),
     ("C3130 ", "C3130"), ("98", None), ("C0130", None), ("111", None), ("C", None), ("", None),
     ("C31301", None), ("V31", None)],
)  # fmt: skip
def test_an_industry_is_read_or_refused(typed: str, code: str | None) -> None:
    if code is None:
        with pytest.raises(UnknownCode):
            industry_code(typed)
    else:
        assert industry_code(typed) == code


@pytest.mark.parametrize(
    ("typed", "known"),
    [("431302", True), ("430100", True), ("340803", True), ("431303", False), ("990000", False),
     ("430000", False), ("161234", False), ("43130", False), ("430124", False)],
)  # fmt: skip
def test_a_county_is_known_or_refused(typed: str, known: bool) -> None:
    if known:
        assert county_code(typed) == typed
    else:
        with pytest.raises(UnknownCode):
            county_code(typed)


def test_a_code_that_was_replaced_names_the_one_that_holds() -> None:
    with pytest.raises(UnknownCode, match="430182"):
        county_code("430124")


@pytest.mark.parametrize(
    ("industry", "staff", "revenue", "size"),
    [
        ("C3130", 1000, 40_000, "large"), ("C3130", 999, 40_000, "medium"), ("C3130", 1000, 39_999, "medium"),
        ("C3130", 300, 2_000, "medium"), ("C3130", 299, 2_000, "small"), ("C3130", 20, 300, "small"),
        ("C3130", 19, 10_000, "micro"), ("C3130", 5_000, 299, "micro"), ("C3130", None, 299, "micro"),
        ("C3130", None, 300, None), ("C3130", 19, None, "micro"), ("C3130", None, None, None),
        ("A0111", None, 20_000, "large"), ("A0111", 1, 499, "small"), ("F5111", 200, 40_000, "large"),
        ("F5211", 50, 500, "medium"), ("G5911", 300, 3_000, "medium"), ("G5930", 100, 1_000, "medium"),
        ("G59", 100, 1_000, None), ("I6510", 10, 50, "small"), ("K7020", 300, 1_000, "medium"),
        ("M7320", 300, None, "large"), ("E4710", 1000, 90_000, None), ("J6610", 1000, 90_000, None),
        ("G5310", 1000, 90_000, None), ("R8890", 9, 10**6, "micro"),
    ],
)  # fmt: skip
def test_size_classes_are_those_of_the_method(
    industry: str, staff: int | None, revenue: float | None, size: str | None
) -> None:
    assert size_class(industry, staff, revenue) == size


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("staff", "1,200", "1200"), ("staff", "12.0", "12"), ("staff", "-1", FieldRefused),
        ("staff", "1e3", "1000"), ("staff", "12.5", FieldRefused), ("staff", "NaN", FieldRefused),
        ("revenue", "2500.50", "2500.5"), ("revenue", "inf", FieldRefused), ("size", "小型", "small"),
        ("size", "中", "medium"), ("size", "Large", "large"), ("size", "huge", FieldRefused),
        ("founded", "2010年5月1日", "2010-05-01"), ("founded", "2010/5/1", "2010-05-01"),
        ("founded", "2010-05-01 00:00:00", "2010-05-01"), ("founded", "2010-02-30", FieldRefused),
        ("founded", "0001-01-01", FieldRefused), ("hours_week", "0", FieldRefused),
        ("hours_week", "168.5", FieldRefused), ("name_zh", " ", FieldRefused),
        ("name_zh", "x" * 201, FieldRefused),
        ("name_zh", "a\x00b", FieldRefused), ("name_zh", "'=1+1", "=1+1"), ("park", "", None),
        ("notes", "one\r\ntwo", "one\ntwo"),
    ],
)  # fmt: skip
def test_fields_are_spelled_one_way(field: str, typed: str, value: object) -> None:
    if value is FieldRefused:
        with pytest.raises(FieldRefused):
            spelled(field, typed)
    else:
        assert spelled(field, typed) == value
