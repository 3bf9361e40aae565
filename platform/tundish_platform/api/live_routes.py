"""The live stream of a tenant's samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, current_app, request

from tundish_platform.api import live, params, queries
from tundish_platform.api import parameters as p
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.guard import asked_again, guarded
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_EVENTS: Final = "text/event-stream"

routes = Blueprint("live", __name__)


@routes.get("/tenants/<tenant>/stream")
@guarded(Permission.READ)
@described(p.SIGNALS, gives=(_EVENTS,))
def stream(scope: TenantScope) -> ResponseReturnValue:
    """Samples of up to 100 signals as they come, as server-sent events; the first ones are the newest.

    Each event is JSON: samples (signal, ts, value, status, arrival) and skipped (true where more came than an
    event holds). Send Last-Event-ID to go on where a broken stream ended.
    """
    found = queries.signals_of(platform(), scope, params.signal_ids())
    if len(found) > live.MAX_SIGNALS:
        raise params.wrong(
            "signals", f"names more than {live.MAX_SIGNALS} signals", f"超过 {live.MAX_SIGNALS} 个信号"
        )
    events = live.LiveStream(
        current_app.extensions[live.EXTENSION],
        platform().telemetry,
        found,
        renew=asked_again(),
        gone=request.environ.get("waitress.client_disconnected", lambda: False),
        dumps=current_app.json.dumps,
        positions=live.positions_of(request.headers.get("Last-Event-ID", "")),
    )
    answer = Response(events, mimetype=_EVENTS)
    # A proxy that gathers an answer before it hands it on would show nothing for hours.
    answer.headers["X-Accel-Buffering"] = "no"
    return answer
