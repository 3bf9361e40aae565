"""Routes of telling people of alarms: channels, escalation policies, contacts, and the log of messages."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.alarms import MAX_PAGE
from tundish_platform.alarms.notify import (
    SPEC,
    ChannelChanged,
    ChannelRefused,
    ChannelSpec,
    ContactSpec,
    DeliveryState,
    PolicyChanged,
    PolicySpec,
    UnknownChannel,
    UnknownPerson,
    UnknownPolicy,
    Vault,
    change_channel,
    change_policy,
    create_channel,
    create_policy,
    delete_policy,
    enable_channel,
    list_channels,
    list_contacts,
    list_deliveries,
    list_policies,
    put_trial,
    set_contact,
)
from tundish_platform.api.context import platform
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.params import only, whole, wrong
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_MAX_ID: Final = 2**31 - 1
_Version = Annotated[int, Field(ge=1, le=_MAX_ID)]

routes = Blueprint("notices", __name__)


class _ChannelChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: _Version
    channel: ChannelSpec


class _Switch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: _Version
    enabled: bool


class _PolicyChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: _Version
    policy: PolicySpec


@routes.get("/tenants/<tenant>/alarm-channels")
@guarded(Permission.CONFIGURE)
def channels(scope: TenantScope) -> ResponseReturnValue:
    """Channels by number, without secrets; the next page begins ``after`` the last one's."""
    after, limit = _page("after")
    with platform().metadata.session() as session:
        return [_shown(one) for one in list_channels(session, scope, after=after, limit=limit)]


@routes.post("/tenants/<tenant>/alarm-channels")
@guarded(Permission.CONFIGURE)
def channel_create(scope: TenantScope) -> ResponseReturnValue:
    """Make a channel; its secrets are sealed and never shown again."""
    only()
    spec = SPEC.validate_python(request.get_json())
    with platform().metadata.session() as session:
        return _shown(create_channel(session, scope, _vault(), spec, datetime.now(UTC))), 201


@routes.put("/tenants/<tenant>/alarm-channels/<int:channel>")
@guarded(Permission.CONFIGURE)
def channel_change(scope: TenantScope, channel: int) -> ResponseReturnValue:
    """Put another specification, with its secrets, in place of the version that was read."""
    only()
    change = _ChannelChange.model_validate(request.get_json())
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        found = change_channel(session, scope, _vault(), _id(channel), change.version, change.channel, now)
        return _shown(found)


@routes.put("/tenants/<tenant>/alarm-channels/<int:channel>/enabled")
@guarded(Permission.CONFIGURE)
def channel_switch(scope: TenantScope, channel: int) -> ResponseReturnValue:
    """Switch a channel off or on; its secrets stay as they are."""
    only()
    wish = _Switch.model_validate(request.get_json())
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        return _shown(enable_channel(session, scope, _id(channel), wish.version, now, enabled=wish.enabled))


@routes.post("/tenants/<tenant>/alarm-channels/<int:channel>/test")
@guarded(Permission.CONFIGURE)
def channel_test(scope: TenantScope, channel: int) -> ResponseReturnValue:
    """Send a test message soon; what became of it stands in the log under the number that is answered."""
    only()
    with platform().metadata.session() as session:
        return {"delivery": put_trial(session, scope, _id(channel), datetime.now(UTC))}, 202


@routes.get("/tenants/<tenant>/alarm-policies")
@guarded(Permission.READ)
def policies(scope: TenantScope) -> ResponseReturnValue:
    """Escalation policies by number; the next page begins ``after`` the last one's."""
    after, limit = _page("after")
    with platform().metadata.session() as session:
        return [_shown(one) for one in list_policies(session, scope, after=after, limit=limit)]


@routes.post("/tenants/<tenant>/alarm-policies")
@guarded(Permission.CONFIGURE)
def policy_create(scope: TenantScope) -> ResponseReturnValue:
    """Make an escalation policy."""
    only()
    spec = PolicySpec.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return _shown(create_policy(session, scope, spec, datetime.now(UTC))), 201


@routes.put("/tenants/<tenant>/alarm-policies/<int:policy>")
@guarded(Permission.CONFIGURE)
def policy_change(scope: TenantScope, policy: int) -> ResponseReturnValue:
    """Change a policy of the version that was read."""
    only()
    change = _PolicyChange.model_validate(request.get_json())
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        return _shown(change_policy(session, scope, _id(policy), change.version, change.policy, now))


@routes.delete("/tenants/<tenant>/alarm-policies/<int:policy>")
@guarded(Permission.CONFIGURE)
def policy_delete(scope: TenantScope, policy: int) -> ResponseReturnValue:
    """Remove a policy; removing twice is no error."""
    only()
    with platform().metadata.session() as session:
        return {"removed": delete_policy(session, scope, _id(policy), datetime.now(UTC))}


@routes.get("/tenants/<tenant>/alarm-contacts")
@guarded(Permission.CONFIGURE)
def contacts(scope: TenantScope) -> ResponseReturnValue:
    """Where people can be reached, by their numbers; the next page begins ``after`` the last one's."""
    after, limit = _page("after")
    with platform().metadata.session() as session:
        return [_shown(one) for one in list_contacts(session, scope, after=after, limit=limit)]


@routes.put("/tenants/<tenant>/alarm-contacts/<int:user>")
@guarded(Permission.CONFIGURE)
def contact_set(scope: TenantScope, user: int) -> ResponseReturnValue:
    """Say where a person of the tenant can be reached; both empty removes it."""
    only()
    spec = ContactSpec.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return _shown(set_contact(session, scope, _id(user), spec, datetime.now(UTC)))


@routes.get("/tenants/<tenant>/alarm-deliveries")
@guarded(Permission.CONFIGURE)
def deliveries(scope: TenantScope) -> ResponseReturnValue:
    """The log of messages, newest first; ``states`` for some, ``before`` a number for the next page."""
    before, limit = _page("before", "states")
    with platform().metadata.session() as session:
        found = list_deliveries(session, scope, states=_states(), before=before or None, limit=limit)
    return [asdict(one) for one in found]


@routes.errorhandler(UnknownChannel)
def _unknown_channel(error: UnknownChannel) -> ResponseReturnValue:
    return Problem(
        404, f"There is no channel {error}.", f"没有通知渠道 {error}。", "unknown_channel"
    ).response()


@routes.errorhandler(UnknownPolicy)
def _unknown_policy(error: UnknownPolicy) -> ResponseReturnValue:
    return Problem(
        404, f"There is no policy {error}.", f"没有升级策略 {error}。", "unknown_policy"
    ).response()


@routes.errorhandler(UnknownPerson)
def _unknown_person(error: UnknownPerson) -> ResponseReturnValue:
    return Problem(
        404, f"The enterprise has no person {error}.", f"企业中没有人员 {error}。", "unknown_person"
    ).response()


@routes.errorhandler(ChannelRefused)
def _refused(error: ChannelRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()


@routes.errorhandler(ChannelChanged)
@routes.errorhandler(PolicyChanged)
def _changed(_error: Exception) -> ResponseReturnValue:
    return Problem(
        409,
        "Somebody changed it since it was read. Read it anew.",
        "内容已被他人修改, 请重新读取。",
        "changed",
    ).response()


def _vault() -> Vault:
    vault = platform().vault
    if vault is None:
        raise Problem(
            503, "This server has no key to seal secrets with. Tell the operator.",
            "此服务器没有用于加密的密钥。请联系运维人员。", "no_key",
        )  # fmt: skip
    return vault


def _page(place: str, *more: str) -> tuple[int, int]:
    only(place, "limit", *more)
    return whole(place, 0, _MAX_ID, 0), whole("limit", 1, MAX_PAGE, MAX_PAGE)


def _states() -> frozenset[DeliveryState]:
    text = request.args.get("states", "")
    try:
        return (
            frozenset(DeliveryState(word) for word in text.split(",")) if text else frozenset(DeliveryState)
        )
    except ValueError:
        known = ", ".join(DeliveryState)
        raise wrong("states", f"must be among {known}", f"须为 {known} 中的值") from None


def _id(number: int) -> int:
    # More than the databases' ids hold is nobody's.
    if number > _MAX_ID:
        raise Problem(404)
    return number


def _shown(one: BaseModel) -> dict[str, Any]:
    return one.model_dump(mode="json")
