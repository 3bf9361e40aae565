from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError
from sqlalchemy import text

from tundish_platform.audit import all_entries
from tundish_platform.people.factors import (
    RECOVERY_CODES,
    STEP_S,
    confirm,
    enrol,
    factor_state,
    remove_factor,
    remove_own_factor,
)
from tundish_platform.people.login import CodeNeeded, check_first, check_second
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.tenancy import passwords
from tundish_platform.tenancy.passwords import LoginRefused

if TYPE_CHECKING:
    from conftest import Plant

PASSWORD = "tap hole 42"
STEP = timedelta(seconds=STEP_S)


@pytest.fixture(autouse=True)
def clock(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "utc_now", lambda: plant.now)


@pytest.fixture
def enrolled(plant: Plant, settings: PeopleSettings) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    """The owner's authenticator, just confirmed, and the recovery codes."""
    with plant.metadata.session() as session:
        totp = pyotp.TOTP(enrol(session, settings, plant.owner, plant.now).secret)
        codes = confirm(session, settings, plant.owner, totp.at(plant.now), plant.now)
    return totp, codes


def log_in(plant: Plant, settings: PeopleSettings, code: str, password: str = PASSWORD) -> str:
    """How far the owner gets."""
    try:
        with plant.metadata.session() as session:
            check_first(session, "owner@steel", password)
    except CodeNeeded as needed:
        try:
            with plant.metadata.session() as session:
                check_second(session, settings, needed.user_id, code, plant.now)
        except LoginRefused as refusal:
            return refusal.code
        return "in"
    except LoginRefused as refusal:
        return refusal.code
    return "in without a code"


def test_a_code_is_asked_for_once_the_person_has_shown_one(plant: Plant, settings: PeopleSettings) -> None:
    with plant.metadata.session() as session:
        made = enrol(session, settings, plant.owner, plant.now)
        assert not factor_state(session, plant.owner).confirmed
    assert made.uri.startswith("otpauth://totp/")
    assert "owner%40steel" in made.uri
    assert log_in(plant, settings, "") == "in without a code"
    totp = pyotp.TOTP(made.secret)
    with pytest.raises(PeopleRefused, match="wrong"), plant.metadata.session() as session:
        confirm(session, settings, plant.owner, totp.at(plant.now + 10 * STEP), plant.now)
    with plant.metadata.session() as session:
        assert len(set(confirm(session, settings, plant.owner, totp.at(plant.now), plant.now))) == 10
        assert factor_state(session, plant.owner).codes_left == RECOVERY_CODES
    plant.now += STEP
    assert log_in(plant, settings, totp.at(plant.now)) == "in"


def test_the_secret_lies_encrypted_and_recovery_codes_as_digests(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, codes = enrolled
    with plant.metadata.session() as session:
        kept = [session.scalar(text("SELECT secret FROM second_factor"))]
        kept += session.execute(text("SELECT * FROM recovery_code")).all()
    assert totp.secret not in str(kept)
    assert not any(code in str(kept) or code.replace("-", "") in str(kept) for code in codes)
    assert settings.cipher().decrypt(str(kept[0]).encode()).decode() == totp.secret


def test_without_a_key_nobody_can_enrol_and_a_bad_key_is_refused_in_words(plant: Plant) -> None:
    with pytest.raises(PeopleRefused, match="no key"), plant.metadata.session() as session:
        enrol(session, PeopleSettings(), plant.owner, plant.now)
    with pytest.raises(ValidationError, match="Fernet") as caught:
        PeopleSettings.model_validate({"key": "not-a-key-but-secret"})
    assert "not-a-key-but-secret" not in str(caught.value)


def test_a_key_can_be_replaced_by_a_newer_one_and_a_foreign_one_opens_nothing(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, _ = enrolled
    assert settings.key is not None
    newer = Fernet.generate_key().decode()
    both = PeopleSettings.model_validate({"key": f"{newer},{settings.key.get_secret_value()}"})
    plant.now += STEP
    assert log_in(plant, both, totp.at(plant.now)) == "in"
    plant.now += STEP
    with pytest.raises(PeopleRefused, match="not the one"):
        log_in(plant, PeopleSettings.model_validate({"key": newer}), totp.at(plant.now))


def test_no_code_is_taken_twice_nor_an_older_one_after_it(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, _ = enrolled
    # The one it was confirmed with is used, too.
    assert log_in(plant, settings, totp.at(plant.now)) == "wrong_code"
    plant.now += 2 * STEP
    before, code = totp.at(plant.now - STEP), totp.at(plant.now)
    assert log_in(plant, settings, code) == "in"
    for used in (code, before):
        assert log_in(plant, settings, used) == "wrong_code"


def test_codes_of_the_steps_beside_are_taken_and_those_further_away_are_not(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, _ = enrolled
    for aside, outcome in ((-2, "wrong_code"), (2, "wrong_code"), (-1, "in"), (0, "in"), (1, "in")):
        plant.now += 5 * STEP
        assert log_in(plant, settings, totp.at(plant.now + aside * STEP)) == outcome, aside


def test_a_recovery_code_opens_once(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    _, codes = enrolled
    assert log_in(plant, settings, f" {codes[0].upper()} ") == "in"
    assert log_in(plant, settings, codes[0]) == "wrong_code"
    assert log_in(plant, settings, codes[1].replace("-", "")) == "in"
    with plant.metadata.session() as session:
        assert factor_state(session, plant.owner).codes_left == RECOVERY_CODES - 2
        trail = [entry.action for entry in all_entries(session)]
    assert trail == ["factor.added", "factor.recovery_code_used", "factor.recovery_code_used"]


def test_wrong_codes_close_the_name_and_the_right_password_does_not_open_it(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, _ = enrolled
    plant.now += STEP
    for _ in range(passwords.MAX_FAILURES // 2):
        # Each round brings the right password first: it must not wipe out the wrong codes.
        assert log_in(plant, settings, "000000x") == "wrong_code"
        assert log_in(plant, settings, "", "not the password") == "wrong"
    assert log_in(plant, settings, totp.at(plant.now)) == "locked"
    with pytest.raises(LoginRefused) as caught, plant.metadata.session() as session:
        check_second(session, settings, plant.owner, totp.at(plant.now), plant.now)
    assert caught.value.code == "locked"
    plant.now += passwords.LOCK_OUT
    assert log_in(plant, settings, totp.at(plant.now)) == "in"
    for _ in range(passwords.MAX_FAILURES - 1):
        assert log_in(plant, settings, "000000x") == "wrong_code"


def test_a_second_factor_that_was_removed_asks_for_nothing(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    del enrolled
    with pytest.raises(PeopleRefused, match="stands already"), plant.metadata.session() as session:
        enrol(session, settings, plant.owner, plant.now)
    with plant.metadata.session() as session:
        assert remove_factor(session, plant.owner, plant.now)
        assert not remove_factor(session, plant.owner, plant.now)
        assert factor_state(session, plant.owner).codes_left == 0
    assert log_in(plant, settings, "") == "in without a code"


def test_a_person_shows_a_last_code_before_codes_are_asked_for_no_more(
    plant: Plant, settings: PeopleSettings, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, recovery = enrolled
    for used in ("000000x", totp.at(plant.now)):
        with pytest.raises(LoginRefused, match="wrong"), plant.metadata.session() as session:
            remove_own_factor(session, settings, plant.owner, used, plant.now)
    with plant.metadata.session() as session:
        assert factor_state(session, plant.owner).confirmed
        assert remove_own_factor(session, settings, plant.owner, recovery[0], plant.now)
        assert not remove_own_factor(session, settings, plant.owner, "no code at all", plant.now)
    assert log_in(plant, settings, "") == "in without a code"
