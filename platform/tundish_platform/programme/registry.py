"""The enterprises of the programme."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.changes import Edit, Kind, edit_enterprise, enter_enterprise
from tundish_platform.programme.uscc import check_uscc, normalise

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_SETUP: Final = "set-up"


def register_enterprise(  # noqa: PLR0913 - the fields of the register
    session: Session,
    *,
    uscc: str,
    name_zh: str,
    name_en: str,
    industry: str,
    region: str,
    demo: bool = False,
    tenant_id: int | None = None,
    hours_week: float = 168.0,
) -> Enterprise:
    """Put an enterprise on the register, or bring its entry up to date; the code identifies it.

    Raises:
        InvalidUscc: the code is none, or fictional without ``demo``, or real with it.
        ValueError: industry (GB/T 4754) or region (GB/T 2260) is unknown, or the hours are impossible.
    """
    code = check_uscc(uscc, demo=demo)
    fields = {"name_zh": name_zh, "name_en": name_en, "industry": industry, "region": region}
    edit = Edit(fields=fields | {"hours_week": str(hours_week)})
    now = datetime.now(UTC)
    enterprise = enterprise_of(session, code)
    if enterprise is None:
        enterprise = enter_enterprise(session, _SETUP, code, edit, now, demo=demo, kind=Kind.SETUP)
    else:
        edit_enterprise(session, _SETUP, code, edit, now, kind=Kind.SETUP)
    enterprise.tenant = tenant_id
    session.flush()
    return enterprise


def enterprises(session: Session) -> list[Enterprise]:
    """All enterprises of the register, by code; entries that were merged into another are none."""
    query = select(Enterprise).where(Enterprise.merged_into.is_(None))
    return list(session.scalars(query.order_by(Enterprise.uscc)))


def enterprise_of(session: Session, uscc: str) -> Enterprise | None:
    """The enterprise of that code, or None."""
    return session.scalar(select(Enterprise).where(Enterprise.uscc == normalise(uscc)))
