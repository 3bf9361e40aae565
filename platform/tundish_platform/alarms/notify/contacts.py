"""Where the tenant's people can be reached, and who they are when a message goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, or_, select

from tundish_platform.alarms.notify.channels import Mail, may_configure
from tundish_platform.alarms.notify.models import AlarmContact
from tundish_platform.audit import record_of
from tundish_platform.tenancy.metadata import insert_into
from tundish_platform.tenancy.models import Membership, User

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

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
    """A contact as it is listed."""

    user: int
    name: str


def set_contact(
    session: Session, scope: TenantScope, user_id: int, spec: ContactSpec, now: datetime
) -> Contact:
    """Say where a person of the tenant can be reached; both empty removes it.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownPerson: the tenant has no such person.
    """
    may_configure(scope)
    name = session.scalar(
        select(User.name)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == scope.tenant_id, User.id == user_id)
        .limit(1)
    )
    if name is None:
        raise UnknownPerson(user_id)
    mine = (AlarmContact.tenant_id == scope.tenant_id, AlarmContact.user_id == user_id)
    if spec.mail or spec.mobile:
        values = {"mail": spec.mail, "mobile": spec.mobile}
        session.execute(
            insert_into(session, AlarmContact)
            .values(tenant_id=scope.tenant_id, user_id=user_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=values)
        )
    else:
        session.execute(delete(AlarmContact).where(*mine))
    record_of(session, scope, "alarm_contact.set", f"user/{user_id}", now)
    return Contact(user=user_id, name=name, mail=spec.mail, mobile=spec.mobile)


def list_contacts(
    session: Session, scope: TenantScope, *, after: int = 0, limit: int = 1_000
) -> list[Contact]:
    """Contacts by the person's number, a page at a time.

    Raises:
        AccessDenied: the scope may not configure.
    """
    may_configure(scope)
    rows = session.execute(
        select(AlarmContact, User.name)
        .join(User, User.id == AlarmContact.user_id)
        .where(AlarmContact.tenant_id == scope.tenant_id, AlarmContact.user_id > after)
        .order_by(AlarmContact.user_id)
        .limit(limit)
    )
    return [Contact(user=row.user_id, name=name, mail=row.mail, mobile=row.mobile) for row, name in rows]


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
