"""The platform's key for documents, and the sealing of what an app handed back."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from tundish_platform.marketplace.record_models import SealedDocument
from tundish_platform.marketplace.records.consent import consents
from tundish_platform.marketplace.subscriptions import subscription_of
from tundish_platform.sdk.sealed import Statement, seal
from tundish_platform.sdk.signing import fingerprint, public_part
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import SecretStr
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.sdk import Document, Manifest
    from tundish_platform.tenancy import TenantScope

# Of each key and subject; what was shared stays as long as its subscription's row.
KEPT: Final = 20


class UndeclaredDocument(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The app's manifest declares no such document."""


class Sealer:
    """Signs documents with the platform's own key.

    Args:
        key: from a file; every process of the platform needs the same, or files of one cannot be told apart
            from forgeries by who knows the other's fingerprint.
    """

    def __init__(self, key: SecretStr) -> None:
        seed = hashlib.sha256(b"tundish/documents/" + key.get_secret_value().encode()).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()  # fmt: skip

    @property
    def public(self) -> str:
        """The public key, PEM."""
        return public_part(self._private)

    @property
    def mark(self) -> str:
        """The fingerprint by which people compare it."""
        return fingerprint(self.public)

    def seal(self, statement: Statement) -> str:
        """The file of a statement."""
        return seal(self._private, statement).decode()


def keep_documents(
    session: Session, scope: TenantScope, sealer: Sealer, manifest: Manifest, documents: Iterable[Document]
) -> list[int]:
    """Seal and keep what an app handed back; returns their numbers.

    What says the same as the newest of its key and subject is not sealed again. The newest `KEPT` stay, and
    those that are shared.

    Raises:
        AccessDenied: the scope may not run analyses.
        NotSubscribed: there is no active subscription, so nothing may be made for it.
        UndeclaredDocument: the manifest has no such document.
    """
    scope.require(Permission.ANALYSE)
    view = subscription_of(session, scope, manifest.id)
    kinds = [one.kind for one in consents(session, scope, manifest.id)]
    tenant = session.get_one(Tenant, scope.tenant_id)
    declared = {wish.key for wish in manifest.documents}
    made = []
    for document in documents:
        if document.key not in declared:
            raise UndeclaredDocument(f"{manifest.id} declares no document {document.key}")
        newest = session.scalar(_series(scope, view.id, document).limit(1))
        if newest is not None and newest.kinds == kinds and _content(newest) == document.content:
            made.append(newest.id)
            continue
        now = datetime.now(UTC)
        statement = Statement(
            app=manifest.id, app_version=manifest.version, document=document.key, subject=document.subject,
            enterprise=tenant.name_zh, uscc=tenant.uscc or "", made_at=now, content=document.content,
        )  # fmt: skip
        row = SealedDocument(
            tenant_id=scope.tenant_id, subscription_id=view.id, app_id=manifest.id,
            app_version=manifest.version, key=document.key, subject=document.subject, kinds=kinds,
            made_at=now, content=sealer.seal(statement),
        )  # fmt: skip
        session.add(row)
        session.flush()
        made.append(row.id)
        query = _series(scope, view.id, document).where(SealedDocument.code.is_(None)).offset(KEPT)
        for old in session.scalars(query):
            session.delete(old)
    return made


def _series(scope: TenantScope, subscription: int, document: Document) -> Select[SealedDocument]:
    """All of one key and subject, newest first."""
    return (
        select(SealedDocument)
        .where(
            SealedDocument.tenant_id == scope.tenant_id,
            SealedDocument.subscription_id == subscription,
            SealedDocument.key == document.key,
            SealedDocument.subject == document.subject,
        )
        .order_by(SealedDocument.id.desc())
    )


def _content(row: SealedDocument) -> object:
    return json.loads(row.content)["statement"]["content"]
