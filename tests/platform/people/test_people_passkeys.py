from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.audit import all_entries
from tundish_platform.people import passkeys
from tundish_platform.people.passkeys import (
    check_passkey,
    list_passkeys,
    offer_log_in,
    offer_registration,
    register,
    remove_passkey,
)
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.people.secrets import ANSWER_WITHIN
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Authenticator, Plant


def add(plant: Plant, settings: PeopleSettings, authenticator: Authenticator) -> int:
    with plant.metadata.session() as session:
        token, options = offer_registration(session, settings, plant.owner, plant.now)
    answer = authenticator.make(options)
    with plant.metadata.session() as session:
        return register(session, settings, plant.owner, token, answer, "telephone", plant.now).id


def sign(plant: Plant, settings: PeopleSettings, authenticator: Authenticator) -> tuple[str, dict[str, Any]]:
    with plant.metadata.session() as session:
        token, options = offer_log_in(session, settings, plant.now)
    return token, authenticator.sign(options)


def come(plant: Plant, settings: PeopleSettings, token: str, answer: dict[str, Any]) -> int:
    with plant.metadata.session() as session:
        return check_passkey(session, settings, token, answer, plant.now)


def test_a_passkey_is_registered_and_logs_its_person_in(
    plant: Plant, settings: PeopleSettings, authenticator: Authenticator
) -> None:
    number = add(plant, settings, authenticator)
    for _ in range(2):
        assert come(plant, settings, *sign(plant, settings, authenticator)) == plant.owner
    with plant.metadata.session() as session:
        (shown,) = list_passkeys(session, plant.owner)
        assert (shown.name, shown.last_used_at) == ("telephone", plant.now)
        assert not remove_passkey(session, plant.owner + 1, number, plant.now)
        assert remove_passkey(session, plant.owner, number, plant.now)
        assert [entry.action for entry in all_entries(session)] == ["passkey.added", "passkey.removed"]
    with pytest.raises(AccessDenied):
        come(plant, settings, *sign(plant, settings, authenticator))


def test_each_person_has_so_many_passkeys_and_no_more(
    plant: Plant, settings: PeopleSettings, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 1)
    add(plant, settings, authenticator)
    with plant.metadata.session() as session:
        with pytest.raises(PeopleRefused) as caught:
            offer_registration(session, settings, plant.owner, plant.now)
        assert caught.value.code == "too_many"
        assert offer_registration(session, settings, plant.owner + 1, plant.now)


def test_what_was_asked_is_answered_once_and_in_time(
    plant: Plant, settings: PeopleSettings, authenticator: Authenticator
) -> None:
    add(plant, settings, authenticator)
    token, answer = sign(plant, settings, authenticator)
    assert come(plant, settings, token, answer) == plant.owner
    with pytest.raises(AccessDenied, match="nobody waits"):
        come(plant, settings, token, answer)
    token, answer = sign(plant, settings, authenticator)
    plant.now += ANSWER_WITHIN
    with pytest.raises(AccessDenied, match="nobody waits"):
        come(plant, settings, token, answer)


def _other_origin(one: Authenticator) -> None:
    one.origin = "https://tundish.example.evil.test"


def _other_host(one: Authenticator) -> None:
    one.host = "evil.test"


def _unverified(one: Authenticator) -> None:
    one.verifies = False


def _copied(one: Authenticator) -> None:
    one.count = -1


def _other_key(one: Authenticator) -> None:
    one.key = type(one)(one.origin, one.host).key


@pytest.mark.parametrize("change", [_other_origin, _other_host, _unverified, _copied, _other_key])
def test_an_answer_for_another_site_or_from_another_key_opens_nothing(
    plant: Plant,
    settings: PeopleSettings,
    authenticator: Authenticator,
    change: Callable[[Authenticator], None],
) -> None:
    add(plant, settings, authenticator)
    come(plant, settings, *sign(plant, settings, authenticator))
    change(authenticator)
    with pytest.raises(AccessDenied, match="refused"):
        come(plant, settings, *sign(plant, settings, authenticator))


def test_an_answer_to_another_question_opens_nothing(
    plant: Plant, settings: PeopleSettings, authenticator: Authenticator
) -> None:
    add(plant, settings, authenticator)
    token, _ = sign(plant, settings, authenticator)
    _, other = sign(plant, settings, authenticator)
    with pytest.raises(AccessDenied, match="refused"):
        come(plant, settings, token, other)


def test_a_registration_of_one_person_is_not_finished_by_another(
    plant: Plant, settings: PeopleSettings, authenticator: Authenticator
) -> None:
    with plant.metadata.session() as session:
        token, options = offer_registration(session, settings, plant.owner, plant.now)
    answer = authenticator.make(options)
    with pytest.raises(AccessDenied, match="another"), plant.metadata.session() as session:
        register(session, settings, plant.owner + 1, token, answer, "x", plant.now)
    authenticator.verifies = False
    unverified = authenticator.make(options)
    with pytest.raises(PeopleRefused, match="does not fit"), plant.metadata.session() as session:
        register(session, settings, plant.owner, token, unverified, "x", plant.now)
    with plant.metadata.session() as session:
        assert list_passkeys(session, plant.owner) == []


@pytest.mark.parametrize("origin", ["tundish.example", "https://tundish.example/path", "ftp://x", ""])
def test_an_origin_that_is_no_address_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="address"):
        PeopleSettings(origin=origin)
