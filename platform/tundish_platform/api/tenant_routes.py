"""Routes of a tenant's signals and sources, and the way in for samples."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import ingest, params, queries
from tundish_platform.api.answers import BATCHES_MIME
from tundish_platform.api.context import platform
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded, open_to_all
from tundish_platform.api.params import whole
from tundish_platform.assets import (
    MAX_SIGNALS,
    Heartbeat,
    SignalSearch,
    save_heartbeat,
    search_signals,
    upsert_signals,
)
from tundish_platform.assets.search import MAX_PAGE
from tundish_platform.samples import SignalSpec
from tundish_platform.samples.semantics import semantic_kinds
from tundish_platform.samples.units import units
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import tenants_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

routes = Blueprint("tenant", __name__)

_SEARCH: Final = ("search", "kind", "unit", "line", "after", "limit")
_LONGEST_SEARCH: Final = 400


class _Declaration(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    signals: list[SignalSpec] = Field(max_length=MAX_SIGNALS)


@routes.get("/health")
@open_to_all
def health() -> ResponseReturnValue:
    """Whether the platform can take and give samples."""
    params.only()
    telemetry = platform().telemetry
    ready = telemetry.ready
    answer = {
        "status": "ready" if ready else "starting",
        # How many, for an operator's alarm; what they are stands in the log, not in the open.
        "store": {"ready": ready, "problems": len(telemetry.problems())},
    }
    return answer, 200 if ready else 503


@routes.get("/me")
@authenticated
def me(principal: Principal) -> ResponseReturnValue:
    """Who the token belongs to, and what it may do where."""
    params.only()
    with platform().metadata.session() as session:
        tenants = tenants_of(session, principal)
    return {
        "name": principal.name,
        "roles": sorted(principal.roles),
        "tenants": [
            {
                "slug": tenant.slug,
                "name_zh": tenant.name_zh,
                "name_en": tenant.name_en,
                "timezone": tenant.timezone,
                "permissions": sorted(principal.permissions(tenant.slug)),
                # Only those that do not hold for the whole tenant.
                "places": {
                    permission: sorted(places)
                    for permission, places in sorted(principal.held(tenant.slug).items())
                    if places is not None
                },
            }
            for tenant in tenants
        ],
    }


@routes.get("/vocabulary")
@authenticated
def vocabulary(principal: Principal) -> ResponseReturnValue:
    """The units and semantic kinds there are."""
    del principal
    params.only()
    return {
        "units": [asdict(unit) for unit in units().values()],
        "semantic_kinds": [asdict(kind) for kind in semantic_kinds().values()],
    }


@routes.get("/tenants/<tenant>/signals")
@guarded(Permission.READ)
def list_of_signals(scope: TenantScope) -> ResponseReturnValue:
    """All signals the caller may see by path, or a page of those looked for by number."""
    params.only(*_SEARCH)
    if any(name in request.args for name in _SEARCH):
        return _searched(scope)
    return [signal.model_dump(mode="json") for signal in queries.signals(platform(), scope)]


@routes.put("/tenants/<tenant>/signals")
@guarded(Permission.INGEST, body_limit=64 * 1024 * 1024)
def declare_signals(scope: TenantScope) -> ResponseReturnValue:
    """Declare signals; known paths keep their numbers."""
    params.only()
    declared = _Declaration.model_validate(_json_body())
    with platform().metadata.session() as session:
        return {"ids": upsert_signals(session, scope, declared.source, declared.signals)}


@routes.get("/tenants/<tenant>/sources")
@guarded(Permission.READ)
def list_of_sources(scope: TenantScope) -> ResponseReturnValue:
    """All sources with their last heartbeats."""
    params.only()
    return [source.model_dump(mode="json") for source in queries.sources(platform(), scope)]


@routes.put("/tenants/<tenant>/sources/<name>")
@guarded(Permission.INGEST)
def heartbeat(scope: TenantScope, name: str) -> ResponseReturnValue:
    """A source's heartbeat."""
    params.only()
    sent = Heartbeat.model_validate(_json_body())
    with platform().metadata.session() as session:
        save_heartbeat(session, scope, name, sent)
    return {"name": name}


@routes.post("/tenants/<tenant>/ingest")
@guarded(Permission.INGEST, body_limit=ingest.MAX_BODY)
def take_samples(scope: TenantScope) -> ResponseReturnValue:
    """Take sample batches; the answer comes when they are on disk."""
    params.only()
    if request.mimetype != BATCHES_MIME:
        raise Problem(415, f"Send {BATCHES_MIME}.", f"请使用内容类型 {BATCHES_MIME}。")
    stored = ingest.ingest(platform(), scope, request.get_data(cache=False))
    return {"rows": int(stored), "expired": stored.expired}


def _searched(scope: TenantScope) -> ResponseReturnValue:
    words = {name: request.args.get(name, "") for name in ("search", "kind", "unit", "line")}
    if any(len(word) > _LONGEST_SEARCH for word in words.values()):
        raise params.wrong(
            "search", f"has more than {_LONGEST_SEARCH} letters", f"超过 {_LONGEST_SEARCH} 个字符"
        )
    wanted = SignalSearch(words["search"], words["kind"], words["unit"], words["line"].strip("/"))
    after, limit = whole("after", 0, params.MAX_ID, 0), whole("limit", 1, MAX_PAGE, 100)
    with platform().metadata.session() as session:
        found = search_signals(session, scope, wanted, after=after, limit=limit)
    return [signal.model_dump(mode="json") for signal in found]


def _json_body() -> Any:  # noqa: ANN401 - a model checks it next
    if not request.is_json:
        raise Problem(415, "Send application/json.", "请使用内容类型 application/json。")
    return request.get_json()
