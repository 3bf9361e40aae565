"""Routes of telling people of alarms: channels, escalation policies, contacts, and the log of messages."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.alarms import MAX_PAGE
from tundish_platform.alarms.notify import (
    Channel,
    ChannelChanged,
    ChannelRefused,
    ChannelSpec,
    Contact,
    ContactSpec,
    DeliveryState,
    DeliveryView,
    Policy,
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
from tundish_platform.api import shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, text, whole
from tundish_platform.api.params import wrong
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_Version = Annotated[int, Field(ge=1, le=MAX_ID)]

AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Number of the last one of the page before; 0 for the newest.")
LIMIT: Final = page(MAX_PAGE)
SEARCH: Final = text(
    "search", 200, "All people whose name holds this, in any case, also those without addresses."
)
STATES: Final = Query(
    "states", f"With commas, of {', '.join(DeliveryState)}; all if absent.", {"type": "string"}
)

routes = Blueprint("notices", __name__)


class ChannelChange(BaseModel):
    """A channel as it shall be, with its secrets, and the version it was read with."""

    model_config = ConfigDict(extra="forbid")

    version: _Version
    channel: ChannelSpec


class Switch(BaseModel):
    """Whether a channel shall send, and the version it was read with."""

    model_config = ConfigDict(extra="forbid")

    version: _Version
    enabled: bool


class PolicyChange(BaseModel):
    """A policy as it shall be, and the version it was read with."""

    model_config = ConfigDict(extra="forbid")

    version: _Version
    policy: PolicySpec


@routes.get("/tenants/<tenant>/alarm-channels")
@guarded(Permission.CONFIGURE)
@described(AFTER, LIMIT, answer=list[Channel], headers=(LINK,))
def channels(scope: TenantScope) -> ResponseReturnValue:
    """Channels by number, without secrets; the next page begins ``after`` the last one's."""
    with platform().metadata.session() as session:
        found = list_channels(session, scope, after=AFTER.read(), limit=LIMIT.read())
    return paged([_shown(one) for one in found], "after", last_of(found, LIMIT.read()))


@routes.post("/tenants/<tenant>/alarm-channels")
@guarded(Permission.CONFIGURE)
@described(body=ChannelSpec, answer=Channel, status=201)
def channel_create(scope: TenantScope, body: ChannelSpec) -> ResponseReturnValue:
    """Make a channel; its secrets are sealed and never shown again."""
    with platform().metadata.session() as session:
        return _shown(create_channel(session, scope, _vault(), body, datetime.now(UTC))), 201


@routes.put("/tenants/<tenant>/alarm-channels/<int:channel>")
@guarded(Permission.CONFIGURE)
@described(body=ChannelChange, answer=Channel)
def channel_change(scope: TenantScope, channel: int, body: ChannelChange) -> ResponseReturnValue:
    """Put another specification, with its secrets, in place of the version that was read."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        found = change_channel(session, scope, _vault(), known_id(channel), body.version, body.channel, now)
        return _shown(found)


@routes.put("/tenants/<tenant>/alarm-channels/<int:channel>/enabled")
@guarded(Permission.CONFIGURE)
@described(body=Switch, answer=Channel)
def channel_switch(scope: TenantScope, channel: int, body: Switch) -> ResponseReturnValue:
    """Switch a channel off or on; its secrets stay as they are."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        return _shown(
            enable_channel(session, scope, known_id(channel), body.version, now, enabled=body.enabled)
        )


@routes.post("/tenants/<tenant>/alarm-channels/<int:channel>/test")
@guarded(Permission.CONFIGURE)
@described(answer=shapes.Trial, status=202)
def channel_test(scope: TenantScope, channel: int) -> ResponseReturnValue:
    """Send a test message soon; what became of it stands in the log under the number that is answered."""
    with platform().metadata.session() as session:
        return {"delivery": put_trial(session, scope, known_id(channel), datetime.now(UTC))}, 202


@routes.get("/tenants/<tenant>/alarm-policies")
@guarded(Permission.READ)
@described(AFTER, LIMIT, answer=list[Policy], headers=(LINK,))
def policies(scope: TenantScope) -> ResponseReturnValue:
    """Escalation policies by number; the next page begins ``after`` the last one's."""
    with platform().metadata.session() as session:
        found = list_policies(session, scope, after=AFTER.read(), limit=LIMIT.read())
    return paged([_shown(one) for one in found], "after", last_of(found, LIMIT.read()))


@routes.post("/tenants/<tenant>/alarm-policies")
@guarded(Permission.CONFIGURE)
@described(body=PolicySpec, answer=Policy, status=201)
def policy_create(scope: TenantScope, body: PolicySpec) -> ResponseReturnValue:
    """Make an escalation policy."""
    with platform().metadata.session() as session:
        return _shown(create_policy(session, scope, body, datetime.now(UTC))), 201


@routes.put("/tenants/<tenant>/alarm-policies/<int:policy>")
@guarded(Permission.CONFIGURE)
@described(body=PolicyChange, answer=Policy)
def policy_change(scope: TenantScope, policy: int, body: PolicyChange) -> ResponseReturnValue:
    """Change a policy of the version that was read."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        return _shown(change_policy(session, scope, known_id(policy), body.version, body.policy, now))


@routes.delete("/tenants/<tenant>/alarm-policies/<int:policy>")
@guarded(Permission.CONFIGURE)
@described(answer=shapes.Removed)
def policy_delete(scope: TenantScope, policy: int) -> ResponseReturnValue:
    """Remove a policy; removing twice is no error."""
    with platform().metadata.session() as session:
        return {"removed": delete_policy(session, scope, known_id(policy), datetime.now(UTC))}


@routes.get("/tenants/<tenant>/alarm-contacts")
@guarded(Permission.CONFIGURE)
@described(SEARCH, AFTER, LIMIT, answer=list[Contact], headers=(LINK,))
def contacts(scope: TenantScope) -> ResponseReturnValue:
    """Where people can be reached, by their numbers; the next page begins ``after`` the last one's."""
    search, limit = SEARCH.read(), LIMIT.read()
    with platform().metadata.session() as session:
        found = list_contacts(session, scope, search=search, after=AFTER.read(), limit=limit)
    return paged([_shown(one) for one in found], "after", last_of(found, limit, "user"))


@routes.put("/tenants/<tenant>/alarm-contacts/<int:user>")
@guarded(Permission.CONFIGURE)
@described(body=ContactSpec, answer=Contact)
def contact_set(scope: TenantScope, user: int, body: ContactSpec) -> ResponseReturnValue:
    """Say where a person of the tenant can be reached; both empty removes it."""
    with platform().metadata.session() as session:
        return _shown(set_contact(session, scope, known_id(user), body, datetime.now(UTC)))


@routes.get("/tenants/<tenant>/alarm-deliveries")
@guarded(Permission.CONFIGURE)
@described(STATES, BEFORE, LIMIT, answer=list[DeliveryView], headers=(LINK,))
def deliveries(scope: TenantScope) -> ResponseReturnValue:
    """The log of messages, newest first; ``states`` for some, ``before`` a number for the next page."""
    before, limit = BEFORE.read() or None, LIMIT.read()
    with platform().metadata.session() as session:
        found = list_deliveries(session, scope, states=_states(), before=before, limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, LIMIT.read()))


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


def _states() -> frozenset[DeliveryState]:
    text = request.args.get("states", "")
    try:
        return (
            frozenset(DeliveryState(word) for word in text.split(",")) if text else frozenset(DeliveryState)
        )
    except ValueError:
        known = ", ".join(DeliveryState)
        raise wrong("states", f"must be among {known}", f"须为 {known} 中的值") from None


def _shown(one: BaseModel) -> dict[str, Any]:
    return one.model_dump(mode="json")
