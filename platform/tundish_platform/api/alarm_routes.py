"""Routes of alarms: what sources report, what stands, what people do, and the rules."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.alarms import (
    ANNUNCIATED,
    MAX_PAGE,
    MAX_REPORTS,
    RULES,
    AlarmQuotaReached,
    AlarmState,
    HandlingRefused,
    RuleChanged,
    RuleRefused,
    RuleSpec,
    Transition,
    TransitionRefused,
    UnknownAlarm,
    UnknownRule,
    change_rule,
    create_rule,
    delete_rule,
    handle,
    list_alarms,
    list_events,
    list_floods,
    list_rules,
    owed_acknowledgements,
    settle_acknowledgement,
    take_reports,
    view_of,
)
from tundish_platform.api.context import platform
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.params import only, whole, wrong
from tundish_platform.samples import AlarmReport
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_DAY: Final = timedelta(days=1)
_MAX_ID: Final = 2**31 - 1

routes = Blueprint("alarms", __name__)


class _Reports(BaseModel):
    model_config = ConfigDict(extra="forbid")

    alarms: Annotated[list[AlarmReport], Field(max_length=MAX_REPORTS)]


class _Handling(BaseModel):
    model_config = ConfigDict(extra="forbid")

    transition: Transition
    comment: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    until: AwareDatetime | None = None


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=_MAX_ID)]
    rule: RuleSpec


@routes.put("/tenants/<tenant>/sources/<name>/alarms")
@guarded(Permission.INGEST)
def report(scope: TenantScope, name: str) -> ResponseReturnValue:
    """Take a source's reports; sending them again does no harm."""
    only()
    if name == RULES:
        raise Problem(422, f"{RULES} is the name of the platform's own rules.", f"{RULES} 是平台规则的名称。")
    sent = _Reports.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return asdict(take_reports(session, scope, name, sent.alarms, datetime.now(UTC)))


@routes.get("/tenants/<tenant>/sources/<name>/acknowledgements")
@guarded(Permission.INGEST)
def acknowledgements(scope: TenantScope, name: str) -> ResponseReturnValue:
    """What people acknowledged and the source has not been told; keys are its own."""
    only()
    with platform().metadata.session() as session:
        owed = owed_acknowledgements(session, scope, name)
        return [{"alarm": alarm.id, "key": alarm.key} for alarm in owed]


@routes.delete("/tenants/<tenant>/sources/<name>/acknowledgements/<int:alarm>")
@guarded(Permission.INGEST)
def settle(scope: TenantScope, name: str, alarm: int) -> ResponseReturnValue:
    """The source has taken it; settling twice is no error."""
    only()
    with platform().metadata.session() as session:
        return {"settled": settle_acknowledgement(session, scope, name, _id(alarm))}


@routes.get("/tenants/<tenant>/alarms")
@guarded(Permission.READ)
def alarms(scope: TenantScope) -> ResponseReturnValue:
    """Alarms that stand; ``states`` for others. The next page begins ``after`` the last one's id."""
    only("states", "after", "limit")
    with platform().metadata.session() as session:
        found = list_alarms(
            session, scope, datetime.now(UTC),
            states=_states(), after=whole("after", 0, _MAX_ID, 0),
            limit=whole("limit", 1, MAX_PAGE, MAX_PAGE),
        )  # fmt: skip
    return [asdict(view) for view in found]


@routes.get("/tenants/<tenant>/alarms/events")
@guarded(Permission.READ)
def events(scope: TenantScope) -> ResponseReturnValue:
    """What happened to all alarms or to one (``alarm``), newest first; ``before`` an id for the next page."""
    only("alarm", "before", "limit")
    alarm, before = whole("alarm", 0, _MAX_ID, 0), whole("before", 0, _MAX_ID, 0)
    with platform().metadata.session() as session:
        found = list_events(
            session, scope,
            alarm_id=alarm or None, before=before or None, limit=whole("limit", 1, MAX_PAGE, MAX_PAGE),
        )  # fmt: skip
    return [asdict(event) for event in found]


@routes.get("/tenants/<tenant>/alarms/floods")
@guarded(Permission.READ)
def alarm_floods(scope: TenantScope) -> ResponseReturnValue:
    """Floods of the last ``hours`` (24 by default, at most a week)."""
    only("hours")
    now = datetime.now(UTC)
    since = now - timedelta(hours=whole("hours", 1, 168, 24))
    with platform().metadata.session() as session:
        return [asdict(flood) for flood in list_floods(session, scope, since, now)]


@routes.post("/tenants/<tenant>/alarms/<int:alarm>")
@guarded(Permission.HANDLE)
def act(scope: TenantScope, alarm: int) -> ResponseReturnValue:
    """Acknowledge, shelve, suppress, take out of service, or undo it; the answer is how the alarm stands."""
    only()
    wanted = _Handling.model_validate(request.get_json())
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        row = handle(
            session, scope, _id(alarm), wanted.transition,
            comment=wanted.comment, until=wanted.until, now=now,
        )  # fmt: skip
        return asdict(view_of(row, now))


@routes.get("/tenants/<tenant>/alarm-rules")
@guarded(Permission.READ)
def rules(scope: TenantScope) -> ResponseReturnValue:
    """Rules by number; the next page begins ``after`` the last one's."""
    only("after", "limit")
    with platform().metadata.session() as session:
        found = list_rules(
            session, scope,
            after=whole("after", 0, _MAX_ID, 0), limit=whole("limit", 1, MAX_PAGE, MAX_PAGE),
        )  # fmt: skip
    return [_shown(rule) for rule in found]


@routes.post("/tenants/<tenant>/alarm-rules")
@guarded(Permission.CONFIGURE)
def rule_create(scope: TenantScope) -> ResponseReturnValue:
    """Make a rule."""
    only()
    spec = RuleSpec.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return _shown(create_rule(session, scope, spec, datetime.now(UTC))), 201


@routes.put("/tenants/<tenant>/alarm-rules/<int:rule>")
@guarded(Permission.CONFIGURE)
def rule_change(scope: TenantScope, rule: int) -> ResponseReturnValue:
    """Change a rule of the version that was read."""
    only()
    change = _Change.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return _shown(change_rule(session, scope, _id(rule), change.version, change.rule, datetime.now(UTC)))


@routes.delete("/tenants/<tenant>/alarm-rules/<int:rule>")
@guarded(Permission.CONFIGURE)
def rule_delete(scope: TenantScope, rule: int) -> ResponseReturnValue:
    """Remove a rule; removing twice is no error."""
    only()
    with platform().metadata.session() as session:
        return {"removed": delete_rule(session, scope, _id(rule), datetime.now(UTC))}


@routes.errorhandler(UnknownAlarm)
def _unknown_alarm(error: UnknownAlarm) -> ResponseReturnValue:
    return Problem(404, f"There is no alarm {error}.", f"没有报警 {error}。", "unknown_alarm").response()


@routes.errorhandler(UnknownRule)
def _unknown_rule(error: UnknownRule) -> ResponseReturnValue:
    return Problem(404, f"There is no rule {error}.", f"没有规则 {error}。", "unknown_rule").response()


@routes.errorhandler(TransitionRefused)
def _transition_refused(error: TransitionRefused) -> ResponseReturnValue:
    return Problem(
        409, f"{error}. Read the alarm anew.".capitalize(),
        f"报警当前状态为 {error.state}, 不能执行 {error.transition}。请刷新后再试。", "transition_refused",
    ).response()  # fmt: skip


@routes.errorhandler(HandlingRefused)
@routes.errorhandler(RuleRefused)
def _refused(error: HandlingRefused | RuleRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()


@routes.errorhandler(RuleChanged)
def _rule_changed(_error: RuleChanged) -> ResponseReturnValue:
    return Problem(
        409, "Somebody changed the rule since it was read. Read it anew.",
        "规则已被他人修改, 请重新读取。", "rule_changed",
    ).response()  # fmt: skip


@routes.errorhandler(AlarmQuotaReached)
def _quota(error: AlarmQuotaReached) -> ResponseReturnValue:
    return Problem(
        422, f"Nothing was stored: {error}.", f"未保存任何内容: {error}。", "quota_reached"
    ).response()


def _states() -> frozenset[AlarmState]:
    text = request.args.get("states", "")
    if not text:
        return ANNUNCIATED
    try:
        return frozenset(AlarmState(word) for word in text.split(","))
    except ValueError:
        known = ", ".join(AlarmState)
        raise wrong("states", f"must be among {known}", f"须为 {known} 中的值") from None


def _id(number: int) -> int:
    # More than the databases' ids hold is nobody's.
    if number > _MAX_ID:
        raise Problem(404)
    return number


def _shown(rule: BaseModel) -> dict[str, Any]:
    return rule.model_dump(mode="json")
