"""Unified social credit codes: the vectors of GB 32100-2015 and fictional ones, and no silent repairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.programme import InvalidUscc, check_uscc
from tundish_platform.programme.uscc import check_digit

STANDARD = "91350100M000100Y43"
FICTIONAL = [
    "91999900TD0000017U", "91999900TD0000025N", "91999900TD0000033H", "91999900TD00001210",
    "91999900TD0000076Y",
]  # fmt: skip
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_the_standards_own_example_is_valid() -> None:
    assert check_uscc(STANDARD) == STANDARD


@pytest.mark.parametrize("code", FICTIONAL)
def test_fictional_codes_are_valid_for_demo_enterprises_only(code: str) -> None:
    assert check_uscc(code, demo=True) == code
    with pytest.raises(InvalidUscc):
        check_uscc(code)


def test_a_demo_enterprise_may_not_bear_a_real_code() -> None:
    with pytest.raises(InvalidUscc):
        check_uscc(STANDARD, demo=True)


@pytest.mark.parametrize(
    "text",
    ["91350100M000100Y4Z", "91350100M000100Y44", "91350100M000100Y4", "91350100M000100Y433", "",
     "9135O100M000100Y43", "91350100M0001I0Y43", "91350100 M000100Y43"],
)  # fmt: skip
def test_wrong_codes_are_refused_in_both_languages(text: str) -> None:
    with pytest.raises(InvalidUscc) as error:
        check_uscc(text)
    assert error.value.message_zh
    assert str(error.value)


def test_full_width_lower_case_and_blanks_around_are_normalised() -> None:
    assert check_uscc(" 91350100m000100y43\n") == STANDARD


@given(st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_place_is_always_noticed(place: int, letter: str) -> None:
    changed = STANDARD[:place] + letter + STANDARD[place + 1 :]
    if changed != STANDARD:
        with pytest.raises(InvalidUscc):
            check_uscc(changed)


@pytest.mark.parametrize(
    ("code", "digit"), [("91350100M000100Y4", "3"), ("91999900TD0000121", "0"), ("91999900TD0000076", "Y")]
)
def test_check_digit_at_its_corners(code: str, digit: str) -> None:
    assert check_digit(code) == digit
