"""A server process: API and pages; where nothing else is set, the store's only writer, too."""

from __future__ import annotations

import gc
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from waitress import wasyncore
from waitress.server import create_server

from tundish_analytics.handover import ReportMaker
from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.live import door
from tundish_dashboards.live.handover import HandingChannel
from tundish_dashboards.live.limits import LiveLimits
from tundish_dashboards.settings import DashboardSettings
from tundish_deploy.people import people_settings
from tundish_deploy.proxies import believed, believing
from tundish_deploy.safety import demo_people, is_public, told
from tundish_deploy.secrets import kept_secret, secret
from tundish_deploy.settings import SettingsError
from tundish_deploy.stores import opened, prepare
from tundish_platform.alarms import AlarmWatcher
from tundish_platform.alarms.notify import Allowed, Notifier, Vault
from tundish_platform.alerts import AlertEnder
from tundish_platform.api import live
from tundish_platform.api.adoption import OFFICIAL
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.ghosts import GhostWatcher
from tundish_platform.api.ingest import MAX_BODY
from tundish_platform.api.monthly import ProgrammeKeeper
from tundish_platform.api.publishing_job import FigurePublisher
from tundish_platform.api.rates import Rate, RateLimits
from tundish_platform.api.reports import ReportIssuer
from tundish_platform.handover import HandoverKeeper
from tundish_platform.handover.keeper import TIMEOUT_S as MAIL_TIMEOUT_S
from tundish_platform.marketplace.catalogue import Catalogue
from tundish_platform.marketplace.publishing import ApprovedPackages, PackageFolder
from tundish_platform.marketplace.records import Sealer
from tundish_platform.programme.published import HeadSigner
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from flask import Flask

    from tundish_deploy.settings import Settings

log = structlog.get_logger(__name__)

# The API itself answers a body just over its limit, in words; waitress would only hang up.
_HEAD_ROOM = 1024 * 1024
# A process begins with 1,024 descriptors; pages with a stream and the store need some of them.
_CONNECTIONS = 500
_IDLE_S = 60
FIRST = "server"
"""Name of the first server process of a machine."""


def run_server(settings: Settings, stopped: threading.Event, process: str = "server") -> None:
    """Serve until told to stop; what is buffered then lies in the log and comes back at the next start.

    Args:
        settings: of all parts.
        stopped: set it to stop.
        process: name of this process, unique on this machine.

    Raises:
        SettingsError: people's log-in cannot be set up as the settings say, or a demonstration would be put
            in the open.
    """
    people = people_settings(settings)
    prepare(settings)
    metadata = Metadata(settings.database)
    try:
        if is_public(settings) and (found := demo_people(metadata)):
            raise SettingsError(told(found))
        with opened(settings, metadata, process) as telemetry:
            vault = _vault(settings)
            packages = PackageFolder(settings.data_dir / "apps")
            approved = ApprovedPackages(metadata, packages)
            catalogue = Catalogue.find(packages=approved, named=approved.named)
            sealer = Sealer(kept_secret(settings.key("documents")))
            signer = HeadSigner(kept_secret(settings.key("figures")))
            context = PlatformContext(metadata, telemetry, catalogue, vault, people, packages, sealer, signer)
            app = create_app(context, _api(settings))
            attach_dashboards(app, context, _dashboards(settings))
            with (
                _watching(context, process, settings.rule_version or OFFICIAL),
                _telling(settings, context, vault, process),
            ):
                _answer(app, settings, stopped)
    finally:
        metadata.close()
        log.info("stopped")


@contextmanager
def _watching(context: PlatformContext, process: str, rule: str) -> Iterator[None]:
    """Judge rules, end alerts, look for ghosts, keep, publish, report: each machine's first server does."""
    watchers = (
        AlarmWatcher(context.metadata, context.telemetry), GhostWatcher(context), ProgrammeKeeper(context),
        FigurePublisher(context, rule), ReportIssuer(context), AlertEnder(context.metadata),
    )  # fmt: skip
    if process == FIRST:
        for watcher in watchers:
            watcher.start()
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.close()


@contextmanager
def _telling(settings: Settings, context: PlatformContext, vault: Vault, process: str) -> Iterator[None]:
    """Escalate alarms, report on shifts and send both; any number of machines may, each is told once."""
    allowed = Allowed.of(settings.notices.allow)
    metadata, timeout = context.metadata, settings.notices.timeout_s
    make = ReportMaker(metadata, context.telemetry)
    tellers = (
        Notifier(metadata, vault, allowed, timeout_s=timeout),
        HandoverKeeper(metadata, make, vault, allowed, timeout_s=max(timeout, MAIL_TIMEOUT_S)),
    )
    if process == FIRST:
        for teller in tellers:
            teller.start()
    try:
        yield
    finally:
        for teller in tellers:
            teller.close()


def _vault(settings: Settings) -> Vault:
    given = settings.notices.key_file
    return Vault(secret(given) if given else kept_secret(settings.key("channels")))


def _answer(app: Flask, settings: Settings, stopped: threading.Event) -> None:
    sockets: dict[int, object] = {}
    server = create_server(
        believing(app, settings.server.proxy),
        map=sockets,
        sockets=[_listening(settings)],
        # Streams hold threads for hours; requests must find theirs all the same.
        threads=settings.server.threads + settings.server.streams,
        # Read on while a request is answered: that is how a stream notices that its reader left.
        channel_request_lookahead=1,
        # Bodies are gathered by the loop, not by threads; who trickles one holds a connection and no more.
        connection_limit=_CONNECTIONS,
        channel_timeout=_IDLE_S,
        max_request_body_size=MAX_BODY + _HEAD_ROOM,
        **believed(settings.server.proxy),
    )
    # Pages that are told news for hours leave the pool and this loop.
    server.channel_class = HandingChannel
    # What was loaded stays: looking through all of it for garbage stops every request, 0.3 s each time.
    gc.collect()
    gc.freeze()
    log.info("serving", url=settings.server.url)
    try:
        # The server's own `run` ends on exceptions only, in the middle of whatever is being answered.
        while not stopped.is_set():
            wasyncore.loop(timeout=0.5, use_poll=True, map=sockets, count=1)
    finally:
        app.extensions[live.EXTENSION].close()
        app.extensions[door.EXTENSION].close()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(map=sockets)


def _listening(settings: Settings) -> socket.socket:
    """A bound socket; several servers may have the same port, and the kernel deals connections out."""
    host, port = settings.server.host, settings.server.port
    kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(kind, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.server.processes > 1:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _api(settings: Settings) -> ApiSettings:
    server = settings.server
    told = (server.key_rate, server.tenant_rate, server.stranger_rate, server.door_rate)
    limits = RateLimits(*(Rate(one.per_s, one.burst) for one in told))
    streams = live.StreamLimits(server.streams, server.tenant_streams)
    return ApiSettings(behind_tls=server.behind_tls, rates=limits, streams=streams)


def _dashboards(settings: Settings) -> DashboardSettings:
    server = settings.server
    return DashboardSettings(
        secret_key=kept_secret(settings.key("session")),
        secure_cookie=server.behind_tls,
        live=LiveLimits(server.pages, server.tenant_pages, server.person_pages),
        rule_version=settings.rule_version or OFFICIAL,
    )
