"""The enterprises of the programme."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.uscc import check_uscc, normalise

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_INDUSTRY = re.compile(r"[A-T]\d{2,4}")
_REGION = re.compile(r"\d{6}")


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
        ValueError: industry (GB/T 4754) or region (GB/T 2260) is misshapen, or the hours are impossible.
    """
    code = check_uscc(uscc, demo=demo)
    if not _INDUSTRY.fullmatch(industry) or not _REGION.fullmatch(region):
        raise ValueError(f"{industry!r} or {region!r} is no industry or region code")
    if not 0 < hours_week <= 168.0:  # noqa: PLR2004 - hours of a week
        raise ValueError("hours a week lie above 0 and up to 168")
    enterprise = session.scalar(select(Enterprise).where(Enterprise.uscc == code))
    if enterprise is None:
        enterprise = Enterprise(uscc=code, registered_at=datetime.now(UTC))
        session.add(enterprise)
    enterprise.name_zh, enterprise.name_en = name_zh, name_en
    enterprise.industry, enterprise.region = industry, region
    enterprise.demo, enterprise.tenant, enterprise.hours_week = demo, tenant_id, hours_week
    session.flush()
    return enterprise


def enterprises(session: Session) -> list[Enterprise]:
    """All enterprises of the register, by code."""
    return list(session.scalars(select(Enterprise).order_by(Enterprise.uscc)))


def enterprise_of(session: Session, uscc: str) -> Enterprise | None:
    """The enterprise of that code, or None."""
    return session.scalar(select(Enterprise).where(Enterprise.uscc == normalise(uscc)))
