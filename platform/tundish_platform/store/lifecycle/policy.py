"""Policies: what a tenant may use of the store, how long its data stays, and whether a legal hold is on."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select, update

from tundish_platform.store.lifecycle.tables import StorePolicy, TenantRemoval
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.scope import AccessDenied, Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.scope import access_programme as _above_tenants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

UNLIMITED: Final = "unlimited"
BURST_S: Final = 60
"""Without a burst of its own, a tenant may send so many seconds of its rate at once."""

_NO_LIMIT: Final = -1
_QUOTAS: Final = ("rows_per_s", "burst_rows", "max_bytes", "query_s_per_min")
_DAYS: Final = ("raw_days", "rollup_60_days", "rollup_3600_days")
_Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1, lt=2**62)]
_Span = Annotated[int, Field(ge=1, le=36_500)]

log = structlog.get_logger(__name__)


class PolicyRefused(ValueError):  # noqa: N818 - says what was refused
    """A change that may not be made; carries the words for the person.

    Args:
        en, zh: what happened and what to do next.
    """

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.message_en = en
        self.message_zh = zh


class PolicyDefaults(BaseModel):
    """What holds for tenants without a policy of their own; None is no limit.

    Attributes:
        rows_per_s, burst_rows: rate of appends, and how many may come at once after a rest.
        max_bytes: stored.
        query_s_per_min: seconds of queries a minute.
        raw_days, rollup_60_days, rollup_3600_days: how long raw rows and rollups stay.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_per_s: _Amount | None = None
    burst_rows: _Count | None = None
    max_bytes: _Count | None = None
    query_s_per_min: _Amount | None = None
    raw_days: _Span | None = None
    rollup_60_days: _Span | None = None
    rollup_3600_days: _Span | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not in_order([getattr(self, name) for name in _DAYS]):
            raise ValueError("raw rows may not be kept longer than rollups, nor minutes longer than hours")
        return self


class PolicyChange(BaseModel):
    """What shall change: a value, ``unlimited``, or None for the default. What is not given stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_per_s: _Amount | Literal["unlimited"] | None = None
    burst_rows: _Count | None = None
    max_bytes: _Count | Literal["unlimited"] | None = None
    query_s_per_min: _Amount | Literal["unlimited"] | None = None
    raw_days: _Span | Literal["unlimited"] | None = None
    rollup_60_days: _Span | Literal["unlimited"] | None = None
    rollup_3600_days: _Span | Literal["unlimited"] | None = None

    def given(self) -> dict[str, float | int | None]:
        """Columns to be set."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: _NO_LIMIT if value == UNLIMITED else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: until it is released nothing of the tenant is removed."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for a tenant now; None is no limit. Fields as in `PolicyDefaults`."""

    rows_per_s: float | None = None
    burst_rows: int | None = None
    max_bytes: int | None = None
    query_s_per_min: float | None = None
    raw_days: int | None = None
    rollup_60_days: int | None = None
    rollup_3600_days: int | None = None
    hold: Hold | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for the log."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.hold is not None:
            found["hold"] = {
                "reason": self.hold.reason,
                "by": self.hold.by,
                "at": self.hold.at.isoformat(),
            }
        return found


def in_order(days: list[int | None]) -> bool:
    """Whether each level stays at least as long as the finer one before it; None is for ever."""
    spans = [math.inf if span is None else span for span in days]
    return spans == sorted(spans)


def effective(row: StorePolicy | None, defaults: PolicyDefaults) -> Policy:
    """The policy that a row and the defaults make together."""
    found = {name: _value(row, name, defaults) for name in (*_QUOTAS, *_DAYS)}
    own_burst = row is not None and row.burst_rows is not None
    if found["rows_per_s"] is None:
        found["burst_rows"] = None
    elif not own_burst and (defaults.burst_rows is None or found["rows_per_s"] != defaults.rows_per_s):
        found["burst_rows"] = max(1, math.ceil(BURST_S * found["rows_per_s"]))
    hold = None
    if row is not None and row.legal_hold and row.hold_at is not None:
        hold = Hold(row.hold_reason, row.hold_by, row.hold_at)
    return Policy(**found, hold=hold)


def operator_scope(session: Session, principal: Principal, slug: str) -> TenantScope:
    """A platform operator's scope of one tenant: it allows operating, but no reading or writing of samples.

    Raises:
        AccessDenied: the principal is no operator, or there is no such tenant.
    """
    _above_tenants(principal, Permission.OPERATE)
    tenant = session.scalar(select(Tenant.id).where(Tenant.slug == slug))
    if tenant is None:
        raise AccessDenied(f"{principal.name} asked for a tenant that is not there")
    granted = {slug: (tenant, frozenset({Role.PLATFORM_OPERATOR}))}
    return access_tenant(Principal(principal.id, principal.name, granted), slug, Permission.OPERATE)


def lock_tenant(session: Session, tenant_id: int) -> None:
    """Be alone with a tenant's policy until the transaction ends, on both databases.

    A write, because SQLite lets a transaction read an old state first and write on top of a newer one.

    Raises:
        AccessDenied: the tenant is gone.
    """
    kept = update(Tenant).where(Tenant.id == tenant_id).values(next_signal=Tenant.next_signal)
    if session.connection().execute(kept).rowcount == 0:
        raise AccessDenied(f"tenant {tenant_id} is gone")


def read_policy(session: Session, scope: TenantScope, defaults: PolicyDefaults) -> Policy:
    """The scope's tenant's policy.

    Raises:
        AccessDenied: the scope may neither manage nor operate.
    """
    if Permission.MANAGE not in scope.permissions:
        scope.require(Permission.OPERATE)
    return effective(session.get(StorePolicy, scope.tenant_id), defaults)


def change_policy(
    session: Session, scope: TenantScope, change: PolicyChange, defaults: PolicyDefaults
) -> Policy:
    """Set quotas and retention. Who manages the tenant may only shorten retention; an operator may do all.

    Raises:
        AccessDenied: the scope may not change that.
        PolicyRefused: days that do not fit each other, or a manager who would lengthen them.
    """
    operates = Permission.OPERATE in scope.permissions
    scope.require_all_signals()
    if not operates:
        scope.require(Permission.MANAGE)
        if change.model_fields_set & set(_QUOTAS):
            scope.require(Permission.OPERATE)
    lock_tenant(session, scope.tenant_id)
    row = session.get(StorePolicy, scope.tenant_id)
    before = effective(row, defaults)
    row = _changed(session, scope, row, change.given())
    after = effective(row, defaults)
    if not in_order([getattr(after, name) for name in _DAYS]):
        raise PolicyRefused(
            "Raw rows may not be kept longer than rollups, nor rollups by minute longer than by hour. "
            "Nothing was changed; give the longer levels as many days or more.",
            "原始数据的保留天数不得超过汇总数据, 分钟级汇总不得超过小时级汇总。"
            "未作任何更改; 请相应增加较粗级别的天数。",
        )
    if not operates and not all(_shorter(before, after, name) for name in _DAYS):
        raise PolicyRefused(
            "Only the platform's operator may lengthen retention. Nothing was changed; ask the operator.",
            "只有平台运维人员可以延长保留期。未作任何更改; 请联系运维人员。",
        )
    log.info(
        "store policy changed", tenant=scope.slug, who=scope.principal,
        before=before.as_dict(), after=after.as_dict(),
    )  # fmt: skip
    return after


def place_hold(session: Session, scope: TenantScope, reason: str) -> None:
    """Put a legal hold on: from the moment of the commit nothing of the tenant is removed.

    Raises:
        AccessDenied: the scope may not operate.
        PolicyRefused: no reason, or the tenant is being removed already.
    """
    scope.require(Permission.OPERATE)
    if not reason.strip():
        raise PolicyRefused(
            "A legal hold needs a reason; name the case or the order.",
            "法律保全需要理由; 请注明案件或命令。",
        )
    lock_tenant(session, scope.tenant_id)
    going = select(TenantRemoval.number).where(
        TenantRemoval.tenant_id == scope.tenant_id, TenantRemoval.step != "done"
    )
    if session.scalar(going) is not None:
        raise PolicyRefused(
            f"Tenant {scope.slug} is being removed already, so it cannot be held. What is left of it can "
            "only be copied from the disk; stop the server at once if that is needed.",
            f"租户 {scope.slug} 正在删除, 无法保全。如需保留剩余数据, 请立即停止服务器并从磁盘复制。",
        )
    row = _changed(session, scope, session.get(StorePolicy, scope.tenant_id), {})
    row.legal_hold, row.hold_reason = True, reason.strip()[:500]
    row.hold_by, row.hold_at = scope.principal, row.changed_at
    session.flush()
    log.info("legal hold placed", tenant=scope.slug, who=scope.principal, reason=row.hold_reason)


def release_hold(session: Session, scope: TenantScope) -> bool:
    """Take the legal hold off; False if there was none. Why it was on stays in the row and in the log."""
    scope.require(Permission.OPERATE)
    lock_tenant(session, scope.tenant_id)
    row = session.get(StorePolicy, scope.tenant_id)
    if row is None or not row.legal_hold:
        return False
    _changed(session, scope, row, {}).legal_hold = False
    session.flush()
    log.info("legal hold released", tenant=scope.slug, who=scope.principal, reason=row.hold_reason)
    return True


def is_held(session: Session, tenant_id: int) -> bool:
    """Whether a legal hold is on; sure until the transaction ends only behind `lock_tenant`."""
    held = select(StorePolicy.legal_hold).where(StorePolicy.tenant_id == tenant_id)
    return bool(session.scalar(held))


class Policies:
    """All policies in memory, so that no append and no query asks the database for them.

    Only tenants with a policy of their own cost anything.

    Args:
        metadata: their database.
        defaults: of the others.
    """

    def __init__(self, metadata: Metadata, defaults: PolicyDefaults | None = None) -> None:
        self._metadata = metadata
        self.defaults = defaults or PolicyDefaults()
        self._usual = effective(None, self.defaults)
        self._own: Mapping[int, Policy] = {}
        self.refresh()

    def of(self, tenant_id: int) -> Policy:
        """A tenant's policy as of the last refresh."""
        return self._own.get(tenant_id, self._usual)

    def refresh(self) -> None:
        """Read what was changed, by whichever process; the writer's background turn calls it."""
        with self._metadata.session() as session:
            rows = list(session.scalars(select(StorePolicy)))
            self._own = {row.tenant_id: effective(row, self.defaults) for row in rows}


def _value(row: StorePolicy | None, name: str, defaults: PolicyDefaults) -> Any:  # noqa: ANN401 - float, int or None
    own = None if row is None else getattr(row, name)
    if own is None:
        return getattr(defaults, name)
    return None if own == _NO_LIMIT else own


def _shorter(before: Policy, after: Policy, name: str) -> bool:
    old, new = getattr(before, name), getattr(after, name)
    return old is None or (new is not None and new <= old)


def _changed(
    session: Session, scope: TenantScope, row: StorePolicy | None, values: Mapping[str, float | int | None]
) -> StorePolicy:
    if row is None:
        row = StorePolicy(tenant_id=scope.tenant_id, legal_hold=False, hold_reason="", hold_by="")
        session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.changed_by, row.changed_at = scope.principal, datetime.now(UTC)
    session.flush()
    return row
