"""What owners do with people and keys, and what was done in a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.sdk.calls.paths import below, given, held, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tundish_platform.sdk.calls.answers import (
        HeldRole,
        Invitation,
        InvitationMade,
        Key,
        KeyMade,
        MemberOfTenant,
    )
    from tundish_platform.sdk.calls.programme_answers import Entry


class PeopleCalls(Transport):
    """Members, invitations, keys, and the tenant's part of the audit trail."""

    def members(self, tenant: str, search: str = "") -> Iterator[MemberOfTenant]:
        """The tenant's people with their roles, those whose name holds ``search``; fetched page by page."""
        return self._every(of(tenant, "members"), given(search=search or None))

    def give_role(self, tenant: str, person: int, role: str, place: str = "") -> bool:
        """Give one of the tenant's people a role, at a place or in the whole tenant; false if it was held."""
        body = {"role": role, "place": place}
        return bool(self._post(of(tenant, "members", person, "roles"), body)["given"])

    def take_role(self, tenant: str, person: int, role: str, place: str = "") -> bool:
        """Take a role that is held at that place; false if it was not held."""
        path = of(tenant, "members", person, "roles", role)
        return bool(self._json("DELETE", path, params=given(place=place or None))["taken"])

    def remove_member(self, tenant: str, person: int) -> int:
        """Take all of a person's roles in the tenant; returns how many."""
        return int(self._json("DELETE", of(tenant, "members", person))["taken"])

    def invitations(self, tenant: str) -> Iterator[Invitation]:
        """Invitations, newest first, fetched page by page."""
        return self._every(of(tenant, "invitations"))

    def invite(self, tenant: str, login: str, roles: Iterable[HeldRole | str]) -> InvitationMade:
        """Invite somebody; the ``token`` in the answer is shown this once.

        Args:
            tenant: its short name.
            login: the name with which they will log in.
            roles: ``{"role", "place"}`` each, or words of roles for the whole tenant.
        """
        made: InvitationMade = self._post(of(tenant, "invitations"), {"login": login, "roles": held(roles)})
        return made

    def withdraw_invitation(self, tenant: str, number: int) -> bool:
        """Withdraw an open invitation; false if it was not open."""
        return bool(self._json("DELETE", of(tenant, "invitations", number))["withdrawn"])

    def accept_invitation(self, token: str, name: str, password: str) -> int:
        """Come in as a new person; returns their number. Any client can, also one without a token."""
        body = {"token": token, "name": name, "password": password}
        return int(self._json("POST", "/invitations/accept", json=body)["person"])

    def accept_invitation_as_me(self, token: str) -> str:
        """Come in as the person whose session this is; returns the tenant's short name."""
        return str(self._json("POST", below("me", "invitations"), json={"token": token})["tenant"])

    def keys(self, tenant: str) -> Iterator[Key]:
        """The tenant's API keys with their last use, fetched page by page."""
        return self._every(of(tenant, "keys"))

    def make_key(self, tenant: str, name: str, roles: Iterable[HeldRole | str], days: int = 365) -> KeyMade:
        """Make a key; its text, ``key``, is in the answer this once. The roles are as in `invite`."""
        body = {"name": name, "roles": held(roles), "days": days}
        made: KeyMade = self._post(of(tenant, "keys"), body)
        return made

    def revoke_key(self, tenant: str, number: int) -> bool:
        """Revoke a key; false if it did not stand any more."""
        return bool(self._json("DELETE", of(tenant, "keys", number))["revoked"])

    def audit(self, tenant: str) -> Iterator[Entry]:
        """Who did what in the tenant, newest first, fetched page by page."""
        return self._every(of(tenant, "audit"))
