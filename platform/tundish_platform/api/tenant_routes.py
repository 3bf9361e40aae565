"""Routes of a tenant's signals and sources, and the way in for samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import ingest, queries, shapes
from tundish_platform.api.answers import BATCHES_MIME
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded, open_to_all
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import AFTER_SIGNAL, SIGNAL_LIMIT
from tundish_platform.assets import MAX_SIGNALS, Heartbeat, SourceInfo, save_heartbeat, upsert_signals
from tundish_platform.samples import SignalInfo, SignalSpec
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import tenants_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

routes = Blueprint("tenant", __name__)


class SignalDeclaration(BaseModel):
    """Signals of a source."""

    model_config = ConfigDict(extra="forbid")

    source: str
    signals: list[SignalSpec] = Field(max_length=MAX_SIGNALS)


@routes.get("/health")
@open_to_all
@described(answer=shapes.Health)
def health() -> ResponseReturnValue:
    """Whether the platform can take and give samples."""
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
@described(answer=shapes.Me, tagged=True)
def me(principal: Principal) -> ResponseReturnValue:
    """Who the token belongs to, and what it may do where."""
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
            }
            for tenant in tenants
        ],
    }


@routes.get("/tenants/<tenant>/signals")
@guarded(Permission.READ)
@described(AFTER_SIGNAL, SIGNAL_LIMIT, answer=list[SignalInfo], headers=(LINK,), tagged=True)
def list_of_signals(scope: TenantScope) -> ResponseReturnValue:
    """Signals the caller may see, by number; the next page begins ``after`` the last one's."""
    limit = SIGNAL_LIMIT.read()
    found = queries.signals_page(platform(), scope, AFTER_SIGNAL.read(), limit)
    rows = [signal.model_dump(mode="json") for signal in found]
    return paged(rows, "after", found[-1].id if len(found) == limit else None)


@routes.put("/tenants/<tenant>/signals")
@guarded(Permission.INGEST, body_limit=64 * 1024 * 1024)
@described(body=SignalDeclaration, answer=shapes.Numbers)
def declare_signals(scope: TenantScope, body: SignalDeclaration) -> ResponseReturnValue:
    """Declare signals; known paths keep their numbers."""
    with platform().metadata.session() as session:
        return {"ids": upsert_signals(session, scope, body.source, body.signals)}


@routes.get("/tenants/<tenant>/sources")
@guarded(Permission.READ)
@described(answer=list[SourceInfo])
def list_of_sources(scope: TenantScope) -> ResponseReturnValue:
    """All sources with their last heartbeats."""
    return [source.model_dump(mode="json") for source in queries.sources(platform(), scope)]


@routes.put("/tenants/<tenant>/sources/<name>")
@guarded(Permission.INGEST)
@described(body=Heartbeat, answer=shapes.Named)
def heartbeat(scope: TenantScope, name: str, body: Heartbeat) -> ResponseReturnValue:
    """A source's heartbeat."""
    with platform().metadata.session() as session:
        save_heartbeat(session, scope, name, body)
    return {"name": name}


@routes.post("/tenants/<tenant>/ingest")
@guarded(Permission.INGEST, body_limit=ingest.MAX_BODY)
@described(media=(BATCHES_MIME,), answer=shapes.Stored)
def take_samples(scope: TenantScope) -> ResponseReturnValue:
    """Take sample batches; the answer comes when they are on disk."""
    if request.mimetype != BATCHES_MIME:
        raise Problem(415, f"Send {BATCHES_MIME}.", f"请使用内容类型 {BATCHES_MIME}。")
    stored = ingest.ingest(platform(), scope, request.get_data(cache=False))
    return {"rows": int(stored), "expired": stored.expired}
