"""Routes of a tenant's signals and sources, and the way in for samples."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import ingest, queries, shapes
from tundish_platform.api.answers import BATCHES_MIME
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded, open_to_probes
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import AFTER_SIGNAL, SIGNAL_LIMIT, Query
from tundish_platform.api.params import wrong
from tundish_platform.assets import (
    MAX_SIGNALS,
    Heartbeat,
    SignalSearch,
    SourceInfo,
    page_as_told,
    save_heartbeat,
    search_signals,
    upsert_signals,
)
from tundish_platform.assets.search import MAX_PAGE
from tundish_platform.samples import SignalInfo, SignalSpec
from tundish_platform.samples.semantics import semantic_kinds
from tundish_platform.samples.units import units
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import tenants_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

routes = Blueprint("tenant", __name__)

_LONGEST_SEARCH: Final = 400
_TEXT: Final = {"type": "string", "maxLength": _LONGEST_SEARCH}
SEARCH: Final = (
    Query("search", "Parts of path or names with blanks between; all must be found.", _TEXT),
    Query("kind", "Semantic kind, with its special kinds.", _TEXT),
    Query("unit", "UCUM code of the unit stored.", _TEXT),
    Query("line", "Path of a line, or of anything else above the signals.", _TEXT),
)


class SignalDeclaration(BaseModel):
    """Signals of a source."""

    model_config = ConfigDict(extra="forbid")

    source: str
    signals: list[SignalSpec] = Field(max_length=MAX_SIGNALS)


@routes.get("/health")
@open_to_probes
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
@described(answer=shapes.Vocabulary, tagged=True)
def vocabulary(principal: Principal) -> ResponseReturnValue:
    """The units and semantic kinds there are."""
    del principal
    return {
        "units": [asdict(unit) for unit in units().values()],
        "semantic_kinds": [asdict(kind) for kind in semantic_kinds().values()],
    }


@routes.get("/tenants/<tenant>/signals")
@guarded(Permission.READ)
@described(*SEARCH, AFTER_SIGNAL, SIGNAL_LIMIT, answer=list[SignalInfo], headers=(LINK,), tagged=True)
def list_of_signals(scope: TenantScope) -> ResponseReturnValue:
    """Signals the caller may see, or those looked for, by number.

    The next page begins ``after`` the last one's.
    """
    wanted, after, limit = _search(), AFTER_SIGNAL.read(), SIGNAL_LIMIT.read()
    if wanted == SignalSearch():
        with platform().metadata.session() as session:
            rows = page_as_told(session, scope, after, limit)
    else:
        limit = min(limit, MAX_PAGE)
        with platform().metadata.session() as session:
            found = search_signals(session, scope, wanted, after=after, limit=limit)
        rows = [signal.model_dump(mode="json") for signal in found]
    return paged(rows, "after", rows[-1]["id"] if len(rows) == limit else None)


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


def _search() -> SignalSearch:
    words = {one.name: request.args.get(one.name, "") for one in SEARCH}
    if long := [name for name, text in words.items() if len(text) > _LONGEST_SEARCH]:
        raise wrong(long[0], f"has more than {_LONGEST_SEARCH} letters", f"超过 {_LONGEST_SEARCH} 个字符")
    return SignalSearch(words["search"], words["kind"], words["unit"], words["line"].strip("/"))
