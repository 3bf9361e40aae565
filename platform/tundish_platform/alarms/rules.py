"""Alarm rules of a tenant: limits on its signals, made and changed by engineers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import bindparam, delete, func, select, update

from tundish_platform.alarms.hours import Weekly
from tundish_platform.alarms.limits import LimitKind
from tundish_platform.alarms.models import AlarmRule
from tundish_platform.assets import find_signals, lying_in
from tundish_platform.assets.models import Signal
from tundish_platform.audit import record_of
from tundish_platform.samples import AlarmPriority, SampleKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.kept import SCOPE, objects_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_RULES: Final = 20_000
_DAY_S: Final = 86_400.0
_NUMBERS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})

# Made once: to put a statement together takes longer than to carry it out.
_PAGE: Final = (
    select(AlarmRule)
    .where(AlarmRule.tenant_id == SCOPE.tenant_id, AlarmRule.id > bindparam("after"))
    .order_by(AlarmRule.id)
    .limit(bindparam("most"))
)

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Delay = Annotated[float, Field(ge=0, le=_DAY_S, allow_inf_nan=False)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class UnknownRule(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such rule."""


class RuleRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The rule does not fit its signal, or there are too many.

    Attributes:
        message_zh, message_en: why.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class RuleChanged(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Somebody else changed the rule since it was read."""


class RuleSpec(BaseModel):
    """A rule as an engineer writes it; units are the signal's, see `Limit`.

    Attributes:
        hours: of the plant's week in which it judges; outside them its alarm clears. None means always.
        advice_zh, advice_en: what the person on shift should do; ISA-18.2 wants no alarm without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: Annotated[int, Field(ge=0, le=2**32 - 1)]
    kind: LimitKind
    threshold: _Finite = 0.0
    deadband: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    on_delay_s: _Delay = 0.0
    off_delay_s: _Delay = 0.0
    priority: AlarmPriority = AlarmPriority.MEDIUM
    name_zh: _Name
    name_en: _Name
    advice_zh: _Text = ""
    advice_en: _Text = ""
    hours: Weekly = ()
    enabled: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind is not LimitKind.BAD and "threshold" not in self.model_fields_set:
            raise ValueError("a limit needs a threshold")
        return self


class Rule(RuleSpec):
    """A rule as it is kept."""

    id: int
    version: int
    changed_by: str
    changed_at: datetime


def create_rule(session: Session, scope: TenantScope, spec: RuleSpec, now: datetime) -> Rule:
    """Make a rule; it judges samples whose source time lies behind this moment.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownSignals: the tenant has no such signal.
        RuleRefused: the signal has no numbers, or there are `MAX_RULES` already.
    """
    _check_signal(session, scope, spec)
    held = session.scalar(select(func.count()).where(AlarmRule.tenant_id == scope.tenant_id)) or 0
    if held >= MAX_RULES:
        raise RuleRefused(f"规则数量已达上限 {MAX_RULES}。", f"There are {MAX_RULES} rules already.")
    row = AlarmRule(
        tenant_id=scope.tenant_id, version=1, changed_by=scope.principal, changed_at=now,
        watch_active=False, watch_pending=None, watch_seen=round(now.timestamp() * 1_000_000),
        **_columns(spec),
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "alarm_rule.made", f"rule/{row.id}", now, spec.model_dump(mode="json"))
    return _rule(row)


def change_rule(
    session: Session, scope: TenantScope, rule_id: int, version: int, spec: RuleSpec, now: datetime
) -> Rule:
    """Put another specification in place of the one of ``version``; the signal stays.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownRule: the tenant has no such rule.
        RuleChanged: somebody changed it since.
        RuleRefused: the signal would change.
    """
    row = _row(session, scope, rule_id)
    if row.signal_id != spec.signal:
        raise RuleRefused(
            "规则的信号不能更改,请新建规则。",
            "A rule keeps its signal; make another rule for another signal.",
        )
    _check_signal(session, scope, spec)
    changed = session.scalar(
        update(AlarmRule)
        .where(
            AlarmRule.tenant_id == scope.tenant_id, AlarmRule.id == rule_id, AlarmRule.version == version
        )
        .values(version=version + 1, changed_by=scope.principal, changed_at=now, **_columns(spec))
        .returning(AlarmRule.id)
    )  # fmt: skip
    if changed is None:
        raise RuleChanged(rule_id)
    session.refresh(row)
    record_of(session, scope, "alarm_rule.changed", f"rule/{rule_id}", now, spec.model_dump(mode="json"))
    return _rule(row)


def delete_rule(
    session: Session, scope: TenantScope, rule_id: int, now: datetime, version: int | None = None
) -> bool:
    """Remove a rule, or only its ``version``; its alarm and their history stay. False where there was none.

    Raises:
        AccessDenied: the scope may not configure.
        RuleChanged: it has another version.
    """
    mine = delete(AlarmRule).where(*_there(scope, Permission.CONFIGURE), AlarmRule.id == rule_id)
    if version is not None:
        mine = mine.where(AlarmRule.version == version)
    gone = session.scalar(mine.returning(AlarmRule.id))
    if gone is None and version is not None and _row_or_none(session, scope, rule_id) is not None:
        raise RuleChanged(rule_id)
    if gone is not None:
        record_of(session, scope, "alarm_rule.removed", f"rule/{rule_id}", now)
    return gone is not None


def list_rules(session: Session, scope: TenantScope, *, after: int = 0, limit: int = 1_000) -> list[Rule]:
    """Rules by number, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = _PAGE if scope.places() is None else _PAGE.where(*_there(scope, Permission.READ))
    return [_rule(row) for row in objects_of(session, scope, query, after=after, most=limit)]


def _there(scope: TenantScope, permission: Permission) -> tuple[ColumnElement[bool], ...]:
    """Conditions for rules on signals at which the scope has the permission."""
    mine = AlarmRule.tenant_id == scope.tenant_id
    places = scope.places(permission)
    if places is None:
        return (mine,)
    signals = select(Signal.id).where(Signal.tenant_id == scope.tenant_id, lying_in(Signal.path, places))
    return mine, AlarmRule.signal_id.in_(signals)


def find_rule(session: Session, scope: TenantScope, rule_id: int) -> Rule:
    """One rule.

    Raises:
        AccessDenied: the scope may not read.
        UnknownRule: the tenant has no such rule, or none on a signal that the scope sees.
    """
    return _rule(_row(session, scope, rule_id, Permission.READ))


def _check_signal(session: Session, scope: TenantScope, spec: RuleSpec) -> None:
    scope.places(Permission.CONFIGURE)
    signal = find_signals(session, scope, [spec.signal])[0]
    scope.require_at(Permission.CONFIGURE, signal.path)
    if signal.kind not in _NUMBERS and spec.kind is not LimitKind.BAD:
        raise RuleRefused(f"{signal.path} 不是数值信号。", f"{signal.path} has no numbers to compare.")


def _row_or_none(
    session: Session, scope: TenantScope, rule_id: int, permission: Permission = Permission.CONFIGURE
) -> AlarmRule | None:
    return session.scalar(select(AlarmRule).where(*_there(scope, permission), AlarmRule.id == rule_id))


def _row(
    session: Session, scope: TenantScope, rule_id: int, permission: Permission = Permission.CONFIGURE
) -> AlarmRule:
    row = _row_or_none(session, scope, rule_id, permission)
    if row is None:
        raise UnknownRule(rule_id)
    return row


def _columns(spec: RuleSpec) -> dict[str, object]:
    columns = spec.model_dump(mode="json")
    columns["signal_id"] = columns.pop("signal")
    return columns


def _rule(row: AlarmRule) -> Rule:
    fields = {name: getattr(row, name) for name in RuleSpec.model_fields if name != "signal"}
    return Rule(
        signal=row.signal_id, id=row.id, version=row.version, changed_by=row.changed_by,
        changed_at=row.changed_at, **fields,
    )  # fmt: skip
