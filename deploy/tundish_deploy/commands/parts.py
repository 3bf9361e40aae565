"""The processes that the supervisor runs, one hidden command each."""

from __future__ import annotations

import asyncio
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from tundish_deploy.commands.options import SettingsOption, give_up, refuse_unsafe, usable_settings
from tundish_deploy.logs import configure_logs
from tundish_deploy.probes import HEALTH, answers, probed
from tundish_deploy.supervisor import watch_supervisor

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractContextManager
    from types import FrameType

    from tundish_deploy.settings import Settings

app = typer.Typer(no_args_is_help=True)
log = structlog.get_logger(__name__)

Name = Annotated[str, typer.Argument()]


def _begin(part: str, settings_file: SettingsOption) -> Settings:
    settings = usable_settings(settings_file)
    configure_logs(settings.log_level)
    structlog.contextvars.bind_contextvars(part=part)
    watch_supervisor()
    return settings


def _stop_event() -> threading.Event:
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopped


def _served(settings: Settings) -> AbstractContextManager[None]:
    """Ready while the platform answers, for all such a part does goes through it."""
    return probed(settings.probe_port, partial(answers, f"{settings.server.reached}{HEALTH}"))


async def _until_stopped(work: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")


Process = Annotated[str, typer.Argument(help="Name of the process, unique on this machine.")]


@app.command()
def server(process: Process = "server", settings: SettingsOption = None) -> None:
    """API and pages; the store's only writer, too, unless that runs apart."""
    from tundish_deploy.server import run_server
    from tundish_deploy.settings import SettingsError

    try:
        found = _begin(process, settings)
        refuse_unsafe(found, settings)
        run_server(found, _stop_event(), process)
    except SettingsError as error:
        give_up(str(error))


@app.command()
def writer(process: Process = "writer", settings: SettingsOption = None) -> None:
    """The store's writer, where it runs apart; of a cluster one of several."""
    from tundish_deploy.stores import run_writer_part
    from tundish_platform.store import StoreInUse

    found = _begin(process, settings)
    if found.store.mode == "in-process":
        give_up('The server writes itself in mode in-process; set store.mode to "writer" or "cluster".')
    try:
        run_writer_part(found, process, _stop_event())
    except StoreInUse as error:
        give_up(str(error))


@app.command()
def collect(name: Name, settings: SettingsOption = None) -> None:
    """Collect from one connection or source of the settings."""
    from tundish_deploy.lines import collect as collect_from

    found = _begin(f"collect-{name}", settings)
    # It takes what machines give whether or not the platform can be reached; that is what its spool is for.
    with probed(found.probe_port, lambda: True):
        ended = collect_from(found, name)
    raise typer.Exit(ended)


@app.command()
def replay(kit: Name, settings: SettingsOption = None) -> None:
    """Play one recording of the settings over OPC UA."""
    from tundish_deploy.lines import replay_server

    found = _begin(f"replay-{kit}", settings)
    asyncio.run(_until_stopped(replay_server(found, kit)))


@app.command()
def worker(settings: SettingsOption = None) -> None:
    """Train and score."""
    from tundish_deploy.jobs import run_analytics

    found = _begin("worker", settings)
    with _served(found):
        run_analytics(found, _stop_event())


@app.command()
def apps(settings: SettingsOption = None) -> None:
    """Run the apps that tenants subscribe to."""
    from tundish_deploy.jobs import run_apps

    found = _begin("apps", settings)
    with _served(found):
        run_apps(found, _stop_event())


@app.command()
def jobs(settings: SettingsOption = None) -> None:
    """Do the jobs that people and schedules ask for, behind everything else on this machine."""
    from tundish_deploy.jobs import run_queue

    found = _begin("jobs", settings)
    with _served(found):
        run_queue(found, _stop_event())


@app.command()
def idle() -> None:
    """Do nothing until stopped; for trying the supervisor."""
    configure_logs()
    watch_supervisor()
    stopped = _stop_event()
    log.info("idle")
    while not stopped.wait(0.5):
        pass
