"""What an enterprise shares with the bureau and the public, and its consents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.sdk.calls.paths import below, given
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.sdk.calls.sharing_answers import ConsentStanding, NamedEnterprise, Sharing


class SharingCalls(Transport):
    """For who manages an enterprise's tenant; the names in public are for everybody."""

    def sharing(self, tenant: str, rule: str | None = None) -> Sharing:
        """All that the bureau and the public see of the enterprise, who opened it, and its consents."""
        path = below("tenants", tenant, "sharing")
        found: Sharing = self._json("GET", path, params=given(rule=rule))
        return found

    def agree_to(self, tenant: str, purpose: str, version: str) -> list[ConsentStanding]:
        """Agree to one use by the version of its words; for a person."""
        path = below("tenants", tenant, "sharing", "consents", purpose)
        found: list[ConsentStanding] = self._json("PUT", path, json={"version": version})
        return found

    def withdraw_consent(self, tenant: str, purpose: str) -> list[ConsentStanding]:
        """Withdraw a consent with effect at once; for a person."""
        path = below("tenants", tenant, "sharing", "consents", purpose)
        found: list[ConsentStanding] = self._json("DELETE", path)
        return found

    def named_enterprises(self, rule: str | None = None) -> Iterator[NamedEnterprise]:
        """Enterprises that agreed to be named in public, fetched page by page; for everybody."""
        return self._every("/figures/enterprises", given(rule=rule))
