"""Where the tenant's people can be reached, and who they are when a message goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, delete, or_, select

from tundish_platform.alarms.notify.channels import Mail, may_configure
from tundish_platform.alarms.notify.models import AlarmContact
from tundish_platform.alarms.notify.policies import list_policies
from tundish_platform.audit import record_of
from tundish_platform.people.members import named
from tundish_platform.tenancy.metadata import insert_into
from tundish_platform.tenancy.models import Membership, User

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.alarms.notify.policies import Policy
    from tundish_platform.tenancy import Role, TenantScope


class UnknownPerson(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """Nobody of the tenant has that number."""


class ContactSpec(BaseModel):
    """A person's addresses.

    Attributes:
        mail: for mail channels; empty for none.
        mobile: as 企业微信 and 钉钉 know it, to call the person by name in the group; empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mail: Mail | Annotated[str, Field(max_length=0)] = ""
    mobile: Annotated[str, Field(max_length=20, pattern=r"^(\+?[0-9]{5,19})?$")] = ""


class Contact(ContactSpec):
    """A contact as it is listed.

    Attributes:
        user: number of the person.
        member: whether the person is of the tenant still; who is not is told of nothing.
        policies: numbers of the escalation policies that tell the person, by name or by a role they have.
    """

    user: int
    name: str
    member: bool
    policies: tuple[int, ...]


def set_contact(
    session: Session, scope: TenantScope, user_id: int, spec: ContactSpec, now: datetime
) -> Contact:
    """Say where a person of the tenant can be reached; both empty removes it, also of who has left.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownPerson: the tenant has no such person.
    """
    may_configure(scope)
    removes = not (spec.mail or spec.mobile)
    standing = find_contact(session, scope, user_id)
    if standing is None or not (standing.member or removes):
        raise UnknownPerson(user_id)
    mine = (AlarmContact.tenant_id == scope.tenant_id, AlarmContact.user_id == user_id)
    values = {"mail": spec.mail, "mobile": spec.mobile}
    if removes:
        session.execute(delete(AlarmContact).where(*mine))
    else:
        session.execute(
            insert_into(session, AlarmContact)
            .values(tenant_id=scope.tenant_id, user_id=user_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=values)
        )
    record_of(session, scope, "alarm_contact.set", f"user/{user_id}", now)
    return standing.model_copy(update=values)


def find_contact(session: Session, scope: TenantScope, user_id: int) -> Contact | None:
    """Somebody of the tenant, or who has left and can be reached still; None where there is nobody such.

    Raises:
        AccessDenied: the scope may not configure.
    """
    may_configure(scope)
    known = or_(_of_tenant(scope), AlarmContact.user_id.is_not(None))
    found = _listed(session, scope, User.id == user_id, known)
    return found[0] if found else None


def list_contacts(
    session: Session, scope: TenantScope, *, search: str = "", after: int = 0, limit: int = 1_000
) -> list[Contact]:
    """Contacts by the person's number, a page at a time.

    Args:
        session: of the metadata.
        scope: with the permission to configure.
        search: instead all the tenant's people whose name holds this, with or without addresses.
        after: number of the last one of the page before.
        limit: at most so many.

    Raises:
        AccessDenied: the scope may not configure.
    """
    may_configure(scope)
    looked_for = named(search, User.name)
    wanted = [_of_tenant(scope), *looked_for] if looked_for else [AlarmContact.user_id.is_not(None)]
    return _listed(session, scope, User.id > after, *wanted, limit=limit)


def _of_tenant(scope: TenantScope) -> ColumnElement[bool]:
    return User.id.in_(select(Membership.user_id).where(Membership.tenant_id == scope.tenant_id))


def _listed(
    session: Session, scope: TenantScope, *wanted: ColumnElement[bool], limit: int = 1
) -> list[Contact]:
    mine = and_(AlarmContact.user_id == User.id, AlarmContact.tenant_id == scope.tenant_id)
    rows = session.execute(
        select(User.id, User.name, AlarmContact.mail, AlarmContact.mobile)
        .outerjoin(AlarmContact, mine)
        .where(*wanted)
        .order_by(User.id)
        .limit(limit)
    ).all()
    members = _roles(session, scope, [row.id for row in rows])
    told = list_policies(session, scope)
    return [
        Contact(
            user=row.id, name=row.name, mail=row.mail or "", mobile=row.mobile or "",
            member=row.id in members,
            policies=tuple(one.id for one in told if _tells(one, row.id, members.get(row.id, set()))),
        )
        for row in rows
    ]  # fmt: skip


def _roles(session: Session, scope: TenantScope, people: Collection[int]) -> dict[int, set[str]]:
    """Words of the roles that each of them has in the tenant; who has none is not of it."""
    rows = session.execute(
        select(Membership.user_id, Membership.role).where(
            Membership.tenant_id == scope.tenant_id, Membership.user_id.in_(people)
        )
    )
    found: dict[int, set[str]] = {}
    for user_id, role in rows:
        found.setdefault(user_id, set()).add(role)
    return found


def _tells(policy: Policy, person: int, roles: Collection[str]) -> bool:
    return any(
        person in step.people or any(role.value in roles for role in step.roles) for step in policy.steps
    )


def reach(
    session: Session, scope: TenantScope, people: Collection[int], roles: Collection[Role]
) -> list[ContactSpec]:
    """Addresses of people, and of whoever has a role now; who has left the tenant is reached no more."""
    rows = session.scalars(
        select(AlarmContact)
        .join(Membership, Membership.user_id == AlarmContact.user_id)
        .join(User, User.id == AlarmContact.user_id)
        .where(
            AlarmContact.tenant_id == scope.tenant_id, Membership.tenant_id == scope.tenant_id,
            User.disabled_at.is_(None),
            or_(AlarmContact.user_id.in_(people), Membership.role.in_([role.value for role in roles])),
        )
        .distinct()
    )  # fmt: skip
    return [ContactSpec(mail=row.mail, mobile=row.mobile) for row in sorted(rows, key=lambda r: r.user_id)]
