"""The server process: API, pages and the store's only writer."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr
from waitress import wasyncore
from waitress.server import create_server

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_deploy.secrets import private_file
from tundish_platform.api.adoption import OFFICIAL
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.ingest import MAX_BODY
from tundish_platform.marketplace.catalogue import Catalogue
from tundish_platform.migrations import upgrade
from tundish_platform.store import Telemetry
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from tundish_deploy.settings import Settings

log = structlog.get_logger(__name__)

# The API itself answers a body just over its limit, in words; waitress would only hang up.
_HEAD_ROOM = 1024 * 1024


def run_server(settings: Settings, stopped: threading.Event) -> None:
    """Serve until told to stop; what is buffered then lies in the log and comes back at the next start."""
    # Password hashes and everybody's samples lie below.
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.data_dir.chmod(0o700)
    metadata = Metadata(settings.database)
    upgrade(metadata)
    telemetry = Telemetry(settings.data_dir / "store", metadata, publish=True)
    for problem in telemetry.problems():
        log.error("store", problem=problem)
    context = PlatformContext(metadata, telemetry, Catalogue.find())
    app = create_app(context, ApiSettings(behind_tls=settings.server.behind_tls))
    attach_dashboards(app, context, _dashboards(settings))
    sockets: dict[int, object] = {}
    server = create_server(
        app,
        map=sockets,
        host=settings.server.host,
        port=settings.server.port,
        threads=settings.server.threads,
        max_request_body_size=MAX_BODY + _HEAD_ROOM,
    )
    log.info("serving", url=settings.server.url)
    try:
        # The server's own `run` ends on exceptions only, in the middle of whatever is being answered.
        while not stopped.is_set():
            wasyncore.loop(timeout=0.5, map=sockets, count=1)
    finally:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(map=sockets)
        telemetry.close()
        metadata.close()
        log.info("stopped")


def _dashboards(settings: Settings) -> DashboardSettings:
    return DashboardSettings(
        secret_key=_session_key(settings.data_dir / "session.key"),
        secure_cookie=settings.server.behind_tls,
        rule_version=settings.rule_version or OFFICIAL,
    )


def _session_key(path: Path) -> SecretStr:
    """The key that signs sessions; made once, so that a restart logs nobody out."""
    if not path.exists():
        private_file(path, secrets.token_urlsafe(48))
    return SecretStr(path.read_text("utf-8"))
