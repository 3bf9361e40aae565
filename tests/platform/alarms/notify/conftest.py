"""An office that tells people of the plant's alarms: a clock to be set, channels, real receivers."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from tundish_platform.alarms import Transition, handle, take_reports
from tundish_platform.alarms.models import Alarm
from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.channels import SPEC, create_channel
from tundish_platform.alarms.notify.contacts import ContactSpec, set_contact
from tundish_platform.alarms.notify.models import Escalation, NoticeDelivery
from tundish_platform.alarms.notify.notifier import Notifier
from tundish_platform.alarms.notify.policies import PolicySpec, create_policy
from tundish_platform.alarms.notify.vault import Vault
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user, revoke_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Plant

    from tundish_platform.samples import AlarmReport

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SECRET = "a secret of the webhook"
LOOPBACK = Allowed.of(("127.0.0.0/8", "::1/128"))


@dataclass
class Office:
    plant: Plant
    report: Callable[..., AlarmReport]
    now: datetime
    vault: Vault
    notifiers: list[Notifier] = field(default_factory=list)

    def tick(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def notifier(self, timeout_s: float = 30.0, allowed: Allowed = LOOPBACK) -> Notifier:
        """Another process of the platform."""
        made = Notifier(
            self.plant.metadata,
            self.vault,
            allowed,
            timeout_s=timeout_s,
            every_s=0.01,
            clock=lambda: self.now,
        )
        self.notifiers.append(made)
        return made

    def channel(self, url: str = "http://127.0.0.1:9/hook", **more: object) -> int:
        given = {"kind": "webhook", "name": "值班", "url": url, "secret": SECRET, "per_minute": 60, **more}
        if given["kind"] == "mail":
            del given["url"], given["secret"]
        with self.plant.metadata.session() as session:
            spec = SPEC.validate_python(given)
            return create_channel(session, self.plant.engineer, self.vault, spec, self.now).id

    def policy(self, steps: list[dict[str, object]], **more: object) -> int:
        spec = PolicySpec.model_validate({"name": "p", "steps": steps, **more})
        with self.plant.metadata.session() as session:
            return create_policy(session, self.plant.engineer, spec, self.now).id

    def raise_alarm(self, key: str = "k", *, active: bool = True, **more: object) -> int:
        self.raise_many([key], active=active, **more)
        with self.plant.metadata.session() as session:
            return session.scalars(select(Alarm.id).where(Alarm.key == key)).one()

    def raise_many(self, keys: list[str], **more: object) -> None:
        seconds = (self.now - START).total_seconds()
        with self.plant.metadata.session() as session:
            reports = [self.report(seconds, key, **more) for key in keys]
            take_reports(session, self.plant.collector, "opc", reports, self.now)

    def person(self, login: str, role: str) -> int:
        """Somebody of the plant who can be reached."""
        with self.plant.metadata.session() as session:
            number = create_user(session, login, login, "a password 2026", {"steel": [Role(role)]})
            spec = ContactSpec(mail=f"{login}@plant.example")
            set_contact(session, self.plant.engineer, number, spec, self.now)
            return number

    def leave(self, person: int, role: str) -> None:
        with self.plant.metadata.session() as session:
            revoke_role(session, person, Role(role), "steel")

    def act(self, alarm: int, transition: Transition, **more: Any) -> None:  # noqa: ANN401 - of `handle`
        with self.plant.metadata.session() as session:
            handle(session, self.plant.engineer, alarm, transition, now=self.now, **more)

    def log(self) -> list[NoticeDelivery]:
        with self.plant.metadata.session() as session:
            return list(session.scalars(select(NoticeDelivery).order_by(NoticeDelivery.id)))

    def escalations(self) -> list[Escalation]:
        with self.plant.metadata.session() as session:
            return list(session.scalars(select(Escalation).order_by(Escalation.id)))

    def state_of(self, alarm: int) -> tuple[str, bool]:
        with self.plant.metadata.session() as session:
            row = session.get(Alarm, alarm)
            assert row is not None
            return row.suppressed, row.acknowledged


@pytest.fixture
def office(plant: Plant, make_report: Callable[..., AlarmReport], now: datetime) -> Iterator[Office]:
    one = Office(plant, make_report, now, Vault(SecretStr("k" * 40)))
    yield one
    for notifier in one.notifiers:
        notifier.close()


@dataclass
class Receiver:
    """A real server: answers with the statuses and bodies it is given, the last one again and again."""

    server: ThreadingHTTPServer
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?key=s3cret"

    def says(self, status: int, body: object = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, json.dumps(body).encode()))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.got.append((self.path, dict(self.headers), body))
            one.hold.wait()
            queue = one.answers
            status, headers, said = queue.pop(0) if len(queue) > 1 else queue[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    one = Receiver(server)
    one.hold.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield one
    one.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()
