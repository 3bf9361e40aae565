"""Routes of alarms: what sources report, what stands, what people do, and the rules."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, jsonify, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.alarms import (
    ANNUNCIATED,
    MAX_PAGE,
    MAX_REPORTS,
    RULES,
    AlarmQuotaReached,
    AlarmState,
    AlarmView,
    EventView,
    Flood,
    HandlingRefused,
    Rule,
    RuleChanged,
    RuleRefused,
    RuleSpec,
    Taken,
    Transition,
    TransitionRefused,
    UnknownAlarm,
    UnknownRule,
    change_rule,
    create_rule,
    delete_rule,
    find_rule,
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
from tundish_platform.alerts import ALERTS
from tundish_platform.api import shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, whole
from tundish_platform.api.params import wrong
from tundish_platform.api.tags import changed_meanwhile, versioned, wanted_version
from tundish_platform.samples import AlarmReport
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_DAY: Final = timedelta(days=1)

AFTER: Final = whole("after", 0, MAX_ID, 0, "Id of the last one of the page before.")
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Id of the last one of the page before; 0 for the newest.")
ALARM: Final = whole("alarm", 0, MAX_ID, 0, "Id of one alarm; 0 for all.")
HOURS: Final = whole("hours", 1, 168, 24, "How many hours back.")
LIMIT: Final = page(MAX_PAGE)
STATES: Final = Query(
    "states", f"With commas, of {', '.join(AlarmState)}; those that stand if absent.", {"type": "string"}
)

routes = Blueprint("alarms", __name__)


class AlarmReports(BaseModel):
    """Alarms of a source."""

    model_config = ConfigDict(extra="forbid")

    alarms: Annotated[list[AlarmReport], Field(max_length=MAX_REPORTS)]


class AlarmHandling(BaseModel):
    """What a person does with an alarm."""

    model_config = ConfigDict(extra="forbid")

    transition: Transition
    comment: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    until: AwareDatetime | None = None


class RuleChange(BaseModel):
    """A rule as it shall be, and the version it was read with unless ``If-Match`` says it."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    rule: RuleSpec


@routes.put("/tenants/<tenant>/sources/<name>/alarms")
@guarded(Permission.INGEST)
@described(body=AlarmReports, answer=Taken)
def report(scope: TenantScope, name: str, body: AlarmReports) -> ResponseReturnValue:
    """Take a source's reports; sending them again does no harm."""
    if name in {RULES, ALERTS}:
        raise Problem(422, f"{name} is a name of the platform's own.", f"{name} 是平台自身使用的名称。")
    with platform().metadata.session() as session:
        return asdict(take_reports(session, scope, name, body.alarms, datetime.now(UTC)))


@routes.get("/tenants/<tenant>/sources/<name>/acknowledgements")
@guarded(Permission.INGEST)
@described(AFTER, LIMIT, answer=list[shapes.Owed], headers=(LINK,))
def acknowledgements(scope: TenantScope, name: str) -> ResponseReturnValue:
    """What people acknowledged and the source has not been told; keys are its own."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        owed = owed_acknowledgements(session, scope, name, after=AFTER.read(), limit=limit)
        return paged([{"alarm": one.id, "key": one.key} for one in owed], "after", last_of(owed, limit))


@routes.delete("/tenants/<tenant>/sources/<name>/acknowledgements/<int:alarm>")
@guarded(Permission.INGEST)
@described(answer=shapes.Settled)
def settle(scope: TenantScope, name: str, alarm: int) -> ResponseReturnValue:
    """The source has taken it; settling twice is no error."""
    with platform().metadata.session() as session:
        return {"settled": settle_acknowledgement(session, scope, name, known_id(alarm))}


@routes.get("/tenants/<tenant>/alarms")
@guarded(Permission.READ)
@described(STATES, AFTER, LIMIT, answer=list[AlarmView], headers=(LINK,))
def alarms(scope: TenantScope) -> ResponseReturnValue:
    """Alarms that stand; ``states`` for others. The next page begins ``after`` the last one's id."""
    with platform().metadata.session() as session:
        found = list_alarms(
            session, scope, datetime.now(UTC),
            states=_states(), after=AFTER.read(), limit=LIMIT.read(),
        )  # fmt: skip
    return paged([asdict(view) for view in found], "after", last_of(found, LIMIT.read()))


@routes.get("/tenants/<tenant>/alarms/events")
@guarded(Permission.READ)
@described(ALARM, BEFORE, LIMIT, answer=list[EventView], headers=(LINK,))
def events(scope: TenantScope) -> ResponseReturnValue:
    """What happened to all alarms or to one (``alarm``), newest first; ``before`` an id for the next page."""
    alarm, before = ALARM.read(), BEFORE.read()
    with platform().metadata.session() as session:
        found = list_events(
            session, scope,
            alarm_id=alarm or None, before=before or None, limit=LIMIT.read(),
        )  # fmt: skip
    return paged([asdict(event) for event in found], "before", last_of(found, LIMIT.read()))


@routes.get("/tenants/<tenant>/alarms/floods")
@guarded(Permission.READ)
@described(HOURS, answer=list[Flood])
def alarm_floods(scope: TenantScope) -> ResponseReturnValue:
    """Floods of the last ``hours`` (24 by default, at most a week)."""
    now = datetime.now(UTC)
    since = now - timedelta(hours=HOURS.read())
    with platform().metadata.session() as session:
        return [asdict(flood) for flood in list_floods(session, scope, since, now)]


@routes.post("/tenants/<tenant>/alarms/<int:alarm>")
@guarded(Permission.HANDLE)
@described(body=AlarmHandling, answer=AlarmView)
def act(scope: TenantScope, alarm: int, body: AlarmHandling) -> ResponseReturnValue:
    """Acknowledge, shelve, suppress, take out of service, or undo it; the answer is how the alarm stands."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        row = handle(
            session, scope, known_id(alarm), body.transition,
            comment=body.comment, until=body.until, now=now,
        )  # fmt: skip
        return asdict(view_of(row, now))


@routes.get("/tenants/<tenant>/alarm-rules")
@guarded(Permission.READ)
@described(AFTER, LIMIT, answer=list[Rule], headers=(LINK,), tagged=True)
def rules(scope: TenantScope) -> ResponseReturnValue:
    """Rules by number; the next page begins ``after`` the last one's."""
    with platform().metadata.session() as session:
        found = list_rules(
            session, scope,
            after=AFTER.read(), limit=LIMIT.read(),
        )  # fmt: skip
    return paged([_shown(rule) for rule in found], "after", last_of(found, LIMIT.read()))


@routes.get("/tenants/<tenant>/alarm-rules/<int:rule>")
@guarded(Permission.READ)
@described(answer=Rule, tagged=True)
def one_rule(scope: TenantScope, rule: int) -> ResponseReturnValue:
    """One rule; its ETag is its version."""
    with platform().metadata.session() as session:
        found = find_rule(session, scope, known_id(rule))
    return versioned(jsonify(_shown(found)), found.version)


@routes.post("/tenants/<tenant>/alarm-rules")
@guarded(Permission.CONFIGURE)
@described(body=RuleSpec, answer=Rule, status=201)
def rule_create(scope: TenantScope, body: RuleSpec) -> ResponseReturnValue:
    """Make a rule."""
    with platform().metadata.session() as session:
        return _shown(create_rule(session, scope, body, datetime.now(UTC))), 201


@routes.put("/tenants/<tenant>/alarm-rules/<int:rule>")
@guarded(Permission.CONFIGURE)
@described(body=RuleChange, answer=Rule, matched=True)
def rule_change(scope: TenantScope, rule: int, body: RuleChange) -> ResponseReturnValue:
    """Change a rule of the version that was read: ``If-Match``, or ``version`` in the body."""
    version = wanted_version() or body.version
    if version is None:
        raise Problem(428)
    with platform().metadata.session() as session:
        found = change_rule(session, scope, known_id(rule), version, body.rule, datetime.now(UTC))
    return versioned(jsonify(_shown(found)), found.version)


@routes.delete("/tenants/<tenant>/alarm-rules/<int:rule>")
@guarded(Permission.CONFIGURE)
@described(answer=shapes.Removed, matched=True)
def rule_delete(scope: TenantScope, rule: int) -> ResponseReturnValue:
    """Remove a rule, with ``If-Match`` only in that version; removing twice is no error."""
    version = wanted_version()
    with platform().metadata.session() as session:
        return {"removed": delete_rule(session, scope, known_id(rule), datetime.now(UTC), version)}


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
    if request.if_match:
        return changed_meanwhile().response()
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


def _shown(rule: BaseModel) -> dict[str, Any]:
    return rule.model_dump(mode="json")
