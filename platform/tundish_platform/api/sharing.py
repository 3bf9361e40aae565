"""What the bureau sees of an enterprise, for that enterprise: by the functions of the bureau's routes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from tundish_platform.api import billing_shapes, register_shapes, series_shapes
from tundish_platform.api.adoption import OFFICIAL, OPENED, counted, rounding_of, up_to_date
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.drill import enterprises_within
from tundish_platform.api.ghosts import suspicions_told
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.series import stalled_list
from tundish_platform.api.vouchers import voucher_sums, vouchers_issued
from tundish_platform.audit import entries_of
from tundish_platform.marketplace.record_models import RecordGrant, SealedDocument
from tundish_platform.programme import Enterprise, evidence, listed, published_rules
from tundish_platform.programme.external import facts_of
from tundish_platform.programme.ghosts.records import suspected
from tundish_platform.programme.published.crossed import ALL
from tundish_platform.programme.published.log import latest
from tundish_platform.programme.published.models import EvidenceOpening, Publication
from tundish_platform.programme.register.contacts import contacts_of
from tundish_platform.programme.register.reading import entry_of, history_of, known_of
from tundish_platform.programme.sharing import (
    ALLOWED,
    NEEDS,
    Purpose,
    Record,
    agreed,
    disclosed,
    given,
    purposes,
)
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.programme import Rule
    from tundish_platform.programme.disclosure import Cell
    from tundish_platform.tenancy import TenantScope

_MOST: Final = 50
_STALLED_MONTHS: Final = 6


def seen_by_bureau(
    context: PlatformContext, scope: TenantScope, version: str = OFFICIAL, now: datetime | None = None
) -> dict[str, Any]:
    """Everything that the bureau may see of the enterprise that the tenant stands for.

    Args:
        context: the platform's parts.
        scope: of who manages the tenant.
        version: of the rules that stages are told by.
        now: the moment.

    Raises:
        AccessDenied: the scope may not manage the tenant.
        UnknownRule: no such version was published.
    """
    scope.require(Permission.MANAGE)
    scope.require_all_signals()
    moment = now or datetime.now(UTC)
    rule = up_to_date(context, version, moment)
    with context.metadata.of(scope).session() as session:
        said: dict[str, Any] = {
            "consents": consents_of(session, scope),
            "apps": _apps(session, scope, moment),
        }
        said["openings"] = _openings(session, scope)
    with context.metadata.above(Above.ADOPTION).session() as session:
        mine = session.scalar(
            select(Enterprise).where(Enterprise.tenant == scope.tenant_id, Enterprise.merged_into.is_(None))
        )
        if mine is None:
            empty: dict[str, Any] = {"uscc": None, "records": [], "cells": [], "published": None}
            return said | empty
        said |= {
            "uscc": mine.uscc,
            "records": _records(session, mine, rule, moment),
            "cells": _cells(context, session, mine, rule),
            "published": _published(session, mine),
        }
    with context.metadata.above(Above.BILLING).session() as session:
        # Vouchers are the bureau's own gifts; their sums are cells like the others.
        said["records"].append(_record(Record.VOUCHER, _vouchers(session, scope)))
        given_any = bool(said["records"][-1]["rows"])
        said["cells"] += _voucher_cells(context, session, mine, moment, given=given_any)
    return said


def _records(session: Session, mine: Enterprise, rule: Rule, now: datetime) -> list[dict[str, Any]]:
    """Each record of the list with the rows that the bureau's routes would give, in the list's order."""
    known = known_of(session, now)
    entry = entry_of(session, mine.uscc, known)
    shown = evidence(session, mine, rule)
    facts = None if shown is None else shown["facts"]
    monthly = published_rules()[MONTHLY if rule.demo else rule.version]
    stalled = stalled_list(session, monthly, _STALLED_MONTHS, after=mine.id - 1, limit=1)
    staged = enterprises_within(session, monthly, mine.region, mine.industry, mine.id - 1, 1)
    rows: dict[Record, list[Any]] = {
        Record.ENTRY: _shaped(Record.ENTRY, register_shapes.RegisterEntry, [entry] if entry else []),
        Record.STATEMENT: _shaped(
            Record.STATEMENT, register_shapes.Said, history_of(session, mine.uscc, 0, _MOST)
        ),
        Record.CONTACT: _shaped(Record.CONTACT, register_shapes.Contact, contacts_of(session, mine.uscc)),
        Record.REGISTERED: listed(session, rule, only=mine.uscc),
        Record.EVIDENCE: [] if shown is None else [shown],
        Record.WINDOW: [] if facts is None else facts["windows"],
        Record.SUSPICION: suspicions_told(suspected(session, mine.id)),
        Record.STALLED: [one for one in stalled if one["id"] == mine.id],
        Record.STAGED: [one for one in staged if one["id"] == mine.id],
        Record.EXTERNAL: _shaped(Record.EXTERNAL, series_shapes.External, facts_of(session, mine)),
    }
    mine_agreed = agreed(session, mine.tenant)
    return [
        _record(record, rows[record], withheld=bool(NEEDS.get(record, frozenset()) - mine_agreed))
        for record in Record
        if record in rows
    ]


def _record(record: Record, rows: list[Any], *, withheld: bool = False) -> dict[str, Any]:
    needed = sorted(purpose.value for purpose in NEEDS.get(record, ()))
    return {
        "record": record.value, "fields": list(ALLOWED[record]), "needs": needed, "withheld": withheld,
        "rows": rows[:_MOST],
    }  # fmt: skip


def _shaped(record: Record, shape: Any, found: list[Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - a type
    return disclosed(record, told(list[shape], found))


def _vouchers(session: Session, scope: TenantScope) -> list[dict[str, Any]]:
    found = vouchers_issued(session, limit=_MOST, tenant=scope.tenant_id)
    return _shaped(Record.VOUCHER, billing_shapes.VoucherIssued, list(found))


def _cells(context: PlatformContext, session: Session, mine: Enterprise, rule: Rule) -> list[dict[str, Any]]:
    """The cells and sums in which the enterprise is counted, each as it is shown at this moment."""
    figures = counted(context, session, rule)
    whole = {stage.stage: stage.current for stage in figures.stages}
    found = [_told_cell("city", "", figures.enterprises, whole)]
    for table, key, cells in (
        ("region", mine.region, figures.by_region),
        ("industry", mine.industry, figures.by_industry),
    ):
        cell: Cell | None = next((one for one in cells if one.key == key), None)
        known = None if cell is None else cell.enterprises
        found.append(_told_cell(table, key, known, (cell.stages if cell else None) or {}))
    return found


def _voucher_cells(
    context: PlatformContext, session: Session, mine: Enterprise, now: datetime, *, given: bool
) -> list[dict[str, Any]]:
    if not given:
        return []
    sums = voucher_sums(session, now.date(), rounding_of(context))
    cells = [("vouchers", "", sums.total)]
    cells += [("vouchers_region", mine.region, one) for one in sums.by_region if one.key == mine.region]
    cells += [
        ("vouchers_industry", mine.industry, one) for one in sums.by_industry if one.key == mine.industry
    ]
    names = ("issued_fen", "redeemed_fen", "expired_fen")
    return [
        _told_cell(
            table, key, one.enterprises,
            {name: fen for name in names if (fen := getattr(one, name)) is not None},
        )
        for table, key, one in cells
    ]  # fmt: skip


def _told_cell(table: str, key: str, enterprises: int | None, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "table": table, "key": key, "suppressed": enterprises is None, "enterprises": enterprises,
        "figures": dict(figures),
    }  # fmt: skip


def _published(session: Session, mine: Enterprise) -> dict[str, Any] | None:
    """In which publications the enterprise was counted, and the newest one's leaf with its random bytes."""
    query = (
        select(EvidenceOpening.text, Publication.moment, Publication.published_at, Publication.rule_version)
        .join(Publication, Publication.id == EvidenceOpening.publication_id)
        .where(EvidenceOpening.uscc == mine.uscc)
        .order_by(EvidenceOpening.id.desc())
    )
    newest = session.execute(query.limit(1)).one_or_none()
    if newest is None:
        return None
    times = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    leaf: dict[str, Any] = json.loads(newest.text)
    name = f"enterprises.{leaf['stage']}.current"
    places = ((ALL, ALL), (mine.region, ALL), (ALL, mine.industry), (mine.region, mine.industry))
    figures = [latest(session, newest.rule_version, name, *place) for place in places]
    return {
        "publications": times, "rule_version": newest.rule_version, "moment": newest.moment,
        "published_at": newest.published_at, "leaf": leaf,
        "figures": [one.model_dump(mode="json") for one in figures if one is not None],
    }  # fmt: skip


def consents_of(session: Session, scope: TenantScope) -> list[dict[str, Any]]:
    """Each purpose with its words in force, whether it stands, and what was said of it before."""
    history = given(session, scope)
    standing = agreed(session, scope.tenant_id)
    return [
        {
            "purpose": purpose.value, "version": words.version, "name_zh": words.name.zh,
            "name_en": words.name.en, "text_zh": words.text.zh, "text_en": words.text.en,
            "standing": purpose in standing,
            "history": [
                {
                    "version": one.version, "given_at": one.given_at, "given_by": one.given_by,
                    "withdrawn_at": one.withdrawn_at, "withdrawn_by": one.withdrawn_by,
                }
                for one in history
                if one.purpose == purpose
            ],
        }
        for purpose, words in ((Purpose(key), words) for key, words in purposes().items())
    ]  # fmt: skip


def _apps(session: Session, scope: TenantScope, now: datetime) -> list[dict[str, Any]]:
    """Consents that apps were given (peer comparison among them), and documents that are shared by a code."""
    grants = select(RecordGrant).where(
        RecordGrant.tenant_id == scope.tenant_id, RecordGrant.withdrawn_at.is_(None)
    )
    documents = select(SealedDocument).where(
        SealedDocument.tenant_id == scope.tenant_id, SealedDocument.code.is_not(None),
        SealedDocument.shared_until > now,
    )  # fmt: skip
    found = [
        {"kind": row.kind, "what": ", ".join(row.fields), "since": row.granted_at, "by": row.granted_by,
         "until": None}
        for row in session.scalars(grants.order_by(RecordGrant.id.desc()).limit(_MOST))
    ]  # fmt: skip
    return found + [
        {"kind": "document", "what": f"{row.app_id}: {row.key}", "since": row.shared_at, "by": row.shared_by,
         "until": row.shared_until}
        for row in session.scalars(documents.order_by(SealedDocument.id.desc()).limit(_MOST))
    ]  # fmt: skip


def _openings(session: Session, scope: TenantScope) -> list[dict[str, Any]]:
    """Who of the bureau opened the evidence, when and why, the newest first."""
    found = []
    for one in entries_of(session, scope, limit=_MOST, action=OPENED):
        said = json.loads(one.detail or "{}")
        found.append(
            {"at": one.at, "by": one.actor, "uscc": one.subject, "rule": said.get("rule", ""),
             "reason": said.get("reason", ""), "facts": bool(said.get("facts", True))}
        )  # fmt: skip
    return found
