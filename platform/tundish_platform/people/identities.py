"""People as identity providers know them: linked by issuer and subject, with roles from claims if mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.audit import record
from tundish_platform.people.models import Identity
from tundish_platform.people.secrets import digest_of
from tundish_platform.tenancy.accounts import find_tenant, grant_role, revoke_role
from tundish_platform.tenancy.models import User
from tundish_platform.tenancy.passwords import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.people.providers import Provider, RoleMapping

_MAX_NAME = 200


def person_of(session: Session, provider: Provider, claims: Mapping[str, Any], now: datetime) -> int:
    """The person whom checked claims speak of, with the roles that the mapping gives them today.

    Somebody whom nobody linked is made a person only where the mapping gives them a role.

    Raises:
        LoginRefused: the provider vouches for them, but nobody here knows them.
    """
    key = provider.issuer, str(claims["sub"])
    row, wanted = session.get(Identity, key), mapped(provider, claims)
    if row is None:
        if not wanted:
            raise _unknown()
        row = _linked(session, provider, key[1], _new_person(session, provider, claims, now), now)
    row.last_used_at = now
    _set_roles(session, provider, row.user_id, wanted, now)
    session.flush()
    return row.user_id


def link(session: Session, provider: Provider, subject: str, user_id: int, now: datetime) -> None:
    """Let a person log in with the provider from now on.

    Raises:
        ValueError: the provider's person is linked to somebody already.
    """
    if session.get(Identity, (provider.issuer, subject)) is not None:
        raise ValueError(f"{subject} of {provider.name} is linked already")
    _linked(session, provider, subject, user_id, now)


def mapped(provider: Provider, claims: Mapping[str, Any]) -> frozenset[RoleMapping]:
    """What the claim gives; words that are not in the mapping, and claims of other shapes, give nothing."""
    said = claims.get(provider.roles_claim) if provider.roles_claim else None
    words = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(one for one in provider.mapping if one.value in words)


def _linked(session: Session, provider: Provider, subject: str, user_id: int, now: datetime) -> Identity:
    row = Identity(issuer=provider.issuer, subject=subject, user_id=user_id, linked_at=now, last_used_at=None)
    session.add(row)
    session.flush()
    who = session.get_one(User, user_id).name
    record(session, who, "identity.linked", f"user/{user_id}", now=now, detail={"provider": provider.name})
    return row


def _new_person(session: Session, provider: Provider, claims: Mapping[str, Any], now: datetime) -> int:
    said = claims.get("name")
    name = said if isinstance(said, str) and said.isprintable() and said.strip() else provider.label_zh
    # Not a mail address, which could be another person's log-in name here.
    login = f"{provider.name}:{digest_of(str(claims['sub']))[:32]}"
    user = User(
        login=login, name=name[:_MAX_NAME], password_hash="", locale="zh", created_at=now, disabled_at=None
    )
    session.add(user)
    session.flush()
    return user.id


def _set_roles(
    session: Session, provider: Provider, user_id: int, wanted: frozenset[RoleMapping], now: datetime
) -> None:
    """Give what the claim gives and take what it gives no more; roles outside the mapping are left alone."""
    places = {(one.role, one.tenant, one.place) for one in provider.mapping}
    given = {(one.role, one.tenant, one.place) for one in wanted}
    for role, tenant, place in sorted(places, key=str):
        if tenant is not None and find_tenant(session, tenant) is None:
            continue
        change = grant_role if (role, tenant, place) in given else revoke_role
        if change(session, user_id, role, tenant, place):
            action = "role.given" if change is grant_role else "role.taken"
            detail = {"role": role.value, "place": place, "provider": provider.name}
            record(
                session, f"provider:{provider.name}", action, f"user/{user_id}", tenant=tenant or "", now=now,
                detail=detail,
            )  # fmt: skip


def _unknown() -> LoginRefused:
    return LoginRefused(
        "unknown_identity",
        "身份已确认, 但平台上没有与之关联的账户。请联系企业管理员或平台运维人员。",
        "The provider knows you, but no account here is linked with it. Ask the platform's operator.",
    )
