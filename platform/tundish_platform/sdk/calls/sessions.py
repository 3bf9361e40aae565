"""A person's own log-in: sessions, second factor, passkeys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import below
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_platform.sdk.calls.answers import (
        Enrolled,
        OwnSession,
        Passkey,
        PasskeyOptions,
        SecondFactor,
        SessionOpened,
    )


class SessionCalls(Transport):
    """What a person does about logging in; all but the log-in itself need their session as the token."""

    def log_in(self, login: str, password: str, code: str = "") -> SessionOpened:
        """Log in; make another client with the answer's ``session`` as its token.

        Raises:
            ApiError: ``code_needed`` where a second factor stands and no code was given; 401 otherwise.
        """
        body = {"login": login, "password": password, "code": code}
        opened: SessionOpened = self._json("POST", "/sessions", json=body)
        return opened

    def passkey_log_in_options(self) -> PasskeyOptions:
        """What a browser asks its authenticator in order to log in."""
        asked: PasskeyOptions = self._json("POST", "/sessions/passkey/options")
        return asked

    def passkey_log_in(self, token: str, answer: Mapping[str, Any]) -> SessionOpened:
        """Log in with what the authenticator answered to the options of the token."""
        opened: SessionOpened = self._json(
            "POST", "/sessions/passkey", json={"token": token, "answer": dict(answer)}
        )
        return opened

    def my_sessions(self) -> list[OwnSession]:
        """One's own open sessions, newest first."""
        return self._list("/me/sessions")

    def end_session(self, number: int) -> bool:
        """End one of one's own sessions; false if it was not open."""
        return bool(self._json("DELETE", below("me", "sessions", number))["ended"])

    def end_sessions(self) -> int:
        """End all of one's own sessions, this one with them; returns how many."""
        return int(self._json("DELETE", "/me/sessions")["ended"])

    def second_factor(self) -> SecondFactor:
        """Whether log-in asks for codes, and how many recovery codes are left."""
        found: SecondFactor = self._json("GET", "/me/second-factor")
        return found

    def enrol_second_factor(self, password: str) -> Enrolled:
        """A secret for the authenticator, shown this once; `confirm_second_factor` has to follow."""
        made: Enrolled = self._json("POST", "/me/second-factor", json={"password": password})
        return made

    def confirm_second_factor(self, code: str) -> list[str]:
        """Ask for codes from now on; returns the recovery codes, shown this once."""
        codes: list[str] = self._json("PUT", "/me/second-factor", json={"code": code})["recovery_codes"]
        return codes

    def remove_second_factor(self, code: str) -> bool:
        """Ask for no codes any more, for a last one; false if there was no second factor."""
        return bool(self._json("DELETE", "/me/second-factor", json={"code": code})["removed"])

    def passkeys(self) -> list[Passkey]:
        """One's own passkeys."""
        return self._list("/me/passkeys")

    def passkey_options(self) -> PasskeyOptions:
        """What a browser asks its authenticator in order to make a passkey."""
        asked: PasskeyOptions = self._json("POST", "/me/passkeys/options")
        return asked

    def add_passkey(self, token: str, answer: Mapping[str, Any], name: str) -> Passkey:
        """Keep the passkey that the browser made for the options of the token."""
        body = {"token": token, "answer": dict(answer), "name": name}
        made: Passkey = self._json("POST", "/me/passkeys", json=body)
        return made

    def remove_passkey(self, number: int) -> bool:
        """Refuse a passkey from now on; false if there was none."""
        return bool(self._json("DELETE", below("me", "passkeys", number))["removed"])
