"""Who may connect to a replay server: trusted applications with a user name and its password, encrypted.

asyncua 2.1 leaves three doors open that are closed here, each with a test:

- its default user manager accepts any password;
- with only encrypted policies set, a channel without security still opens, and requests other than those for
  sessions are then answered without a check (the channel has no permission rules);
- the certificate is checked in CreateSession, where the client states it, not against the channel's own.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import TYPE_CHECKING, Any, Final

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import PermissionRuleset, User, UserRole
from asyncua.crypto.security_policies import SecurityPolicyFactory, SecurityPolicyNone
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.status_codes import StatusCodes
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography import x509

    from tundish_connectors.replay.pki import Identity

_logger = logging.getLogger(__name__)

POLICIES: Final = {
    "Basic256Sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    "Aes128Sha256RsaOaep": ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    "Aes256Sha256RsaPss": ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class CheckedUsers(UserManager):
    """User name and password, over a channel of a trusted application."""

    def __init__(self, identity: Identity, users: Mapping[str, str]) -> None:
        self._identity = identity
        self._digests = {name: _digest(password) for name, password in users.items()}

    def get_user(
        self,
        iserver: InternalServer,  # noqa: ARG002 - asyncua passes it by name
        username: str | None = None,
        password: str | None = None,
        certificate: bytes | None = None,
    ) -> User | None:
        """The user, or ``None``, which asyncua answers with BadUserAccessDenied.

        Args:
            iserver: unused.
            username: as the client stated it.
            password: as the client stated it.
            certificate: the channel's own peer certificate (DER); absent on a channel without security.
        """
        if certificate is None or not self._identity.trusts(certificate):
            _logger.warning("refused a session over a channel without a trusted certificate")
            return None
        expected = self._digests.get(username or "", b"")
        # Compared also for unknown names, so that the time taken tells nothing.
        matches = hmac.compare_digest(expected, _digest(password or ""))
        if not matches:
            _logger.warning("refused user %r: unknown name or wrong password", username)
            return None
        return User(role=UserRole.User, name=username)


class TrustedClients:
    """Checks a client's certificate when it creates a session: dates, URI, usage, and that it is trusted."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        options = CertificateValidatorOptions.EXT_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
        self._validator = CertificateValidator(options)

    async def __call__(self, certificate: x509.Certificate, description: ua.ApplicationDescription) -> None:
        """Raise the OPC UA error that says what is wrong with the certificate."""
        if not self._identity.trusts(certificate.public_bytes(Encoding.DER)):
            _logger.warning("refused the untrusted certificate of %s", description.ApplicationUri)
            raise ServiceError(StatusCodes.BadCertificateUntrusted)
        await self._validator.validate(certificate, description)


class NothingAllowed(PermissionRuleset):
    """The rules of a channel without security: endpoints may be asked for, nothing else."""

    def check_validity(self, user: User, action_type: ua.NodeId, body: Any) -> bool:  # noqa: ANN401, ARG002
        """Never."""
        return False


class ClosedInternalServer(InternalServer):
    """An asyncua server that is no discovery server: nobody may enter other servers into its list."""

    def register_server(self, server: Any, conf: Any = None) -> None:  # noqa: ANN401, ARG002
        """Refuse; asyncua asks for no session here."""
        raise ServiceError(StatusCodes.BadServiceUnsupported)


def closed_server(identity: Identity, users: Mapping[str, str], policies: Sequence[str]) -> Server:
    """A server that offers only the named policies, SignAndEncrypt, to trusted clients and known users."""
    server = Server(iserver=ClosedInternalServer(user_manager=CheckedUsers(identity, users)))
    server.set_security_policy([POLICIES[name] for name in policies])
    server.set_identity_tokens([ua.UserNameIdentityToken])
    server.set_certificate_validator(TrustedClients(identity))
    unsecured = SecurityPolicyFactory(  # type: ignore[no-untyped-call]  # asyncua gives it no types
        SecurityPolicyNone, ua.MessageSecurityMode.None_, permission_ruleset=NothingAllowed()
    )
    # Without an entry of ours asyncua falls back to its own unsecured policy, which has no rules at all.
    server._policies.append(unsecured)  # noqa: SLF001 - there is no public way
    return server
