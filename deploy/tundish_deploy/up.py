"""Which parts the settings ask for, and running them together until told to stop."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx

from tundish_deploy.supervisor import Part, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from tundish_deploy.settings import Settings


def _told(file: Path | None) -> list[str]:
    """How a part finds its settings; without a file by the environment, as this process did."""
    return [] if file is None else ["--settings", str(file)]


def store_parts(settings: Settings, file: Path | None) -> list[Part]:
    """The store's writers, where they run apart from the server."""
    if settings.store.mode == "in-process":
        return []
    count = settings.store.writers
    names = ["writer"] if count == 1 else [f"writer-{number + 1}" for number in range(count)]
    return [Part(name, ["part", "writer", name, *_told(file)]) for name in names]


def server_parts(settings: Settings, file: Path | None) -> list[Part]:
    """API and pages; the first one is called ``server``."""
    names = ["server", *(f"server-{number + 2}" for number in range(settings.server.processes - 1))]
    return [Part(name, ["part", "server", name, *_told(file)]) for name in names]


def line_parts(settings: Settings, file: Path | None) -> list[Part]:
    """Replay servers first, then the connectors that collect from them."""
    shared = _told(file)
    replays = [Part(f"replay-{r.kit}", ["part", "replay", r.kit, *shared]) for r in settings.replay]
    names = [*(one.name for one in settings.connection), *(one.name for one in settings.source)]
    collectors = [Part(f"collect-{name}", ["part", "collect", name, *shared]) for name in names]
    return replays + collectors


def job_parts(settings: Settings, file: Path | None) -> list[Part]:
    """Live analytics, the apps, and the jobs beside both, where tenants are named for them."""
    if not settings.worker.tenants:
        return []
    return [Part(name, ["part", name, *_told(file)]) for name in ("worker", "apps", "jobs")]


class StartError(Exception):
    """A part did not come up; the message names its log."""


def wait_for_server(supervisor: Supervisor, settings: Settings, log_dir: Path, seconds: float = 180) -> None:
    """Wait until the API answers and its store is ready.

    Raises:
        StartError: it did not in time.
    """
    deadline = time.monotonic() + seconds
    fallen = ""
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{settings.server.url}/api/v1/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        fallen = next((name for name, times in supervisor.restarts().items() if times > 1), fallen)
        if fallen:
            break
        time.sleep(0.2)
    if fallen and not fallen.startswith("server"):
        raise StartError(
            f"The part {fallen} ends as soon as it is started. Its log is {log_dir}/{fallen}.log."
        )
    raise StartError(
        f"The server did not come up on {settings.server.url}. Its log is {log_dir / 'server.log'}; "
        f"often port {settings.server.port} is taken by another program."
    )


def wait_for_stop(stopped: threading.Event) -> None:
    """Block until Ctrl-C or SIGTERM, or until the event is set by somebody else."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    # A wait without a timeout would not let the signal handler run on every platform.
    while not stopped.wait(0.5):
        pass


def first_start(settings: Settings, say: Callable[[str], None]) -> None:
    """Make the operator's log-in where there is none yet; its password is shown this once.

    Raises:
        StartError: a demonstration would be put in the open.
    """
    from sqlalchemy import func, select

    from tundish_deploy.safety import demo_people, is_public, told
    from tundish_deploy.secrets import new_password
    from tundish_deploy.stores import prepare
    from tundish_platform.tenancy import Role
    from tundish_platform.tenancy.accounts import create_user
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.models import UserRole
    from tundish_platform.tenancy.reach import Above

    prepare(settings)
    metadata = Metadata(settings.database)
    password = new_password()
    try:
        if is_public(settings) and (found := demo_people(metadata)):
            raise StartError(told(found))
        with metadata.above(Above.OPERATOR).session() as session:
            operators = select(func.count()).where(UserRole.role == Role.PLATFORM_OPERATOR.value)
            made = session.scalar(operators) == 0
            if made:
                create_user(session, "operator", "operator", password, {}, [Role.PLATFORM_OPERATOR])
    finally:
        metadata.close()
    if made:
        say(f"First start. Log-in of the platform's operator: operator / {password}")
        say("Make a tenant with: tundish tenant add SLUG --name-zh … --name-en …")


def run_until_stopped(settings: Settings, file: Path | None, say: Callable[[str], None]) -> None:
    """`tundish up`: all parts of the settings, until Ctrl-C.

    Raises:
        StartError: the server did not come up.
    """
    log_dir = settings.data_dir / "logs"
    supervisor = Supervisor(log_dir, lambda name, event: say(f"{name}: {event}"))
    try:
        for part in store_parts(settings, file) + server_parts(settings, file):
            supervisor.start(part)
        wait_for_server(supervisor, settings, log_dir)
        for part in line_parts(settings, file) + job_parts(settings, file):
            supervisor.start(part)
        say(f"Tundish runs on {settings.server.url}; Ctrl-C stops it. Logs: {log_dir}")
        wait_for_stop(threading.Event())
    finally:
        supervisor.stop()
