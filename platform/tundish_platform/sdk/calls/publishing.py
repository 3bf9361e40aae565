"""Publishing apps: names, keys and versions of publishers, the operator's review, packages to run."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, Literal

from tundish_platform.sdk.calls.paths import below, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tundish_platform.sdk.calls.publishing_answers import (
        FieldHalt,
        FieldRun,
        FieldUpgrade,
        Publisher,
        Revoked,
        SigningKey,
        Version,
    )

# The checks run the app several times, each in a process of its own.
_CHECK_S: Final = 600.0


class PublishingCalls(Transport):
    """From a signed package to an approved app."""

    def publisher(self, tenant: str) -> Publisher:
        """As what the tenant publishes, and its keys."""
        found: Publisher = self._json("GET", of(tenant, "publisher"))
        return found

    def register_publisher(self, tenant: str, name: str) -> Publisher:
        """Publish under a name, for good; saying it twice is no error."""
        made: Publisher = self._json("PUT", of(tenant, "publisher"), json={"name": name})
        return made

    def add_signing_key(
        self, tenant: str, public_key: str, proof: bytes, vouch: bytes | None = None
    ) -> SigningKey:
        """Add a public key in PEM.

        Args:
            tenant: its short name.
            public_key: the new key.
            proof: signature of `tundish_platform.sdk.signing.key_text` by the new key.
            vouch: the same by the active key, which retires; without it the operator must confirm the key.
        """
        body = {"public_key": public_key, "proof": proof.hex()}
        body |= {} if vouch is None else {"vouch": vouch.hex()}
        made: SigningKey = self._post(of(tenant, "publisher", "keys"), body)
        return made

    def revoke_signing_key(self, tenant: str, fingerprint: str, since: datetime, reason: str) -> Revoked:
        """Revoke one of the tenant's keys; versions sent with it since then are withdrawn."""
        body = {"since": since.isoformat(), "reason": reason}
        done: Revoked = self._post(of(tenant, "publisher", "keys", fingerprint, "revocation"), body)
        return done

    def app_runs_in_field(self, tenant: str, app: str) -> Iterator[FieldRun]:
        """How one of the tenant's apps runs wherever it is subscribed to, newest first, page by page."""
        return self._every(of(tenant, "publisher", "apps", app, "runs"))

    def app_halts_in_field(self, tenant: str, app: str) -> list[FieldHalt]:
        """Where versions of one of the tenant's apps stand still because they failed again and again."""
        return self._list(of(tenant, "publisher", "apps", app, "halts"))

    def app_upgrades_in_field(self, tenant: str, app: str) -> list[FieldUpgrade]:
        """How upgrades to versions of one of the tenant's apps went, over all tenants, in numbers."""
        return self._list(of(tenant, "publisher", "apps", app, "upgrades"))

    def versions(self, tenant: str) -> Iterator[Version]:
        """What the tenant sent, newest first, fetched page by page."""
        return self._every(of(tenant, "versions"))

    def version(self, tenant: str, app: str, version: str) -> Version:
        """One of the tenant's versions."""
        found: Version = self._json("GET", of(tenant, "versions", app, version))
        return found

    def send_version(self, tenant: str, archive: bytes, signature: bytes) -> Version:
        """Send a signed package; `check_version` is next."""
        body = {"archive": base64.b64encode(archive).decode(), "signature": signature.hex()}
        made: Version = self._post(of(tenant, "versions"), body)
        return made

    def check_version(self, tenant: str, app: str, version: str) -> Version:
        """Have a version checked in the platform's sandbox; it goes to review or is rejected."""
        path = of(tenant, "versions", app, version, "check")
        checked: Version = self._json("POST", path, timeout=_CHECK_S)
        return checked

    def withdraw_version(self, tenant: str, app: str, version: str, reason: str) -> Version:
        """Take a version back."""
        path = of(tenant, "versions", app, version, "withdrawal")
        done: Version = self._post(path, {"reason": reason})
        return done

    def packages(self, tenant: str) -> list[Version]:
        """The packages that the tenant's subscriptions run."""
        return self._list(of(tenant, "packages"))

    def package(self, tenant: str, digest: str) -> bytes:
        """The archive of one of them."""
        return self._send("GET", of(tenant, "packages", digest)).content

    def versions_to_review(self, state: str = "in_review") -> Iterator[Version]:
        """Versions of all publishers in a state, oldest first, fetched page by page; for the operator."""
        return self._every("/review/versions", {"state": state})

    def version_to_review(self, number: int) -> Version:
        """One of them."""
        found: Version = self._json("GET", below("review", "versions", number))
        return found

    def archive_to_review(self, number: int) -> bytes:
        """Its archive."""
        return self._send("GET", below("review", "versions", number, "archive")).content

    def decide_version(
        self, number: int, act: Literal["approve", "reject", "withdraw"], reason: str = ""
    ) -> Version:
        """Decide about a version, as an operator in person."""
        path = below("review", "versions", number, "decision")
        done: Version = self._json("POST", path, json={"act": act, "reason": reason})
        return done

    def keys_to_confirm(self) -> list[SigningKey]:
        """Keys of publishers that wait for the operator."""
        return self._list("/review/keys")

    def confirm_signing_key(self, fingerprint: str) -> SigningKey:
        """Confirm one, as an operator in person."""
        done: SigningKey = self._json("POST", below("review", "keys", fingerprint, "confirmation"))
        return done

    def revoke_any_signing_key(self, fingerprint: str, since: datetime, reason: str) -> Revoked:
        """Revoke any publisher's key, as an operator in person."""
        body = {"since": since.isoformat(), "reason": reason}
        done: Revoked = self._json("POST", below("review", "keys", fingerprint, "revocation"), json=body)
        return done
