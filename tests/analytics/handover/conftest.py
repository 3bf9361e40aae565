"""A plant with a line of two shifts, its samples in a real store, and a real mail server."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from tundish_analytics.handover import ReportMaker
from tundish_platform.alarms.notify import SPEC, ContactSpec, Vault, create_channel, set_contact
from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.assets import upsert_signals
from tundish_platform.handover import HandoverKeeper, ShiftPlanSpec, set_plan
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_user, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

LINE = "S/A/L1"
BEGIN = datetime(2026, 3, 2, 0, tzinfo=UTC)
"""08:00 in Shanghai: the day shift begins."""
LOOPBACK = Allowed.of(("127.0.0.0/8",))
KEY = "k" * 40
SHIFTS = [
    {"code": "day", "name_zh": "白班", "name_en": "Day", "begins": "08:00", "ends": "20:00"},
    {"code": "night", "name_zh": "夜班", "name_en": "Night", "begins": "20:00", "ends": "08:00"},
]


@dataclass
class Post:
    """Takes mail; the next ones are refused as it is told."""

    port: int = 0
    refuse: list[str] = field(default_factory=list)
    got: list[tuple[str, EmailMessage]] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802, ANN401 - aiosmtpd's
        if self.refuse:
            return self.refuse.pop(0)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        self.got.append((envelope.rcpt_tos[0], letter))  # type: ignore[arg-type] # of that policy
        return "250 OK"


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server on a port of its own."""
    handler, loop = Post(), asyncio.new_event_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    handler.port = listening.getsockname()[1]
    server = loop.run_until_complete(
        loop.create_server(lambda: SMTP(handler, hostname="mail.test", loop=loop), sock=listening)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield handler

    async def stop() -> None:
        server.close()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@dataclass
class Plant:
    """One tenant, who works there, and its store."""

    metadata: Metadata
    telemetry: Telemetry
    ids: dict[str, int]
    scopes: dict[str, TenantScope]
    people: dict[str, int]
    url: str
    now: datetime = BEGIN
    vault: Vault = field(default_factory=lambda: Vault(SecretStr(KEY)))

    def keeper(self) -> HandoverKeeper:
        """As one process of the platform has it."""
        make = ReportMaker(self.metadata, self.telemetry)
        return HandoverKeeper(self.metadata, make, self.vault, LOOPBACK, clock=lambda: self.now)

    def hear(self, name: str, kind: SampleKind, rows: list[tuple[datetime, object]]) -> None:
        """Samples of one signal."""
        number = self.ids[f"{LINE}/M/C/{name}"]
        schema = SCHEMAS[kind]
        columns = zip(*[(number, ts, value, 0) for ts, value in rows], strict=True)
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        self.telemetry.append(self.scopes["collector"], [SampleBatch(kind, table, self.now)])

    def work(self, begin: datetime, hours: float, pieces: int) -> None:
        """A stretch in which the machine ran and counted, ten minutes a piece."""
        step = timedelta(minutes=10)
        self.hear("State", SampleKind.TEXT, [(begin + n * step, "Execute") for n in range(int(hours * 6))])
        counts = [(begin + n * step, n) for n in range(pieces + 1)]
        self.hear("Count", SampleKind.INTEGER, counts)
        self.hear("Bad", SampleKind.INTEGER, [(begin, 0), (begin + pieces * step, 2)])

    def plan(self, post: Post | None = None, people: tuple[str, ...] = ("boss",), **more: object) -> None:
        """Two shifts; reports go to people by mail where there is a mail server."""
        said: dict[str, object] = {"path": LINE, "shifts": SHIFTS, "ideal_s": 540.0, "target": 72.0, **more}
        with self.metadata.session() as session:
            if post is not None:
                given = {"kind": "mail", "name": "m", "host": "127.0.0.1", "port": post.port,
                         "security": "none", "sender": "plant@mail.test"}  # fmt: skip
                channel = create_channel(
                    session, self.scopes["boss"], self.vault, SPEC.validate_python(given), self.now
                )
                numbers = [self.people[name] for name in people]
                said["mail"] = {"channel": channel.id, "people": numbers, "after_min": 10}
            set_plan(session, self.scopes["boss"], ShiftPlanSpec.model_validate(said), 0, self.now)


def _specs() -> list[SignalSpec]:
    def spec(name: str, semantic: str, **more: object) -> SignalSpec:
        given = {"path": f"{LINE}/M/C/{name}", "name_zh": name, "name_en": name, "semantic": semantic, **more}
        return SignalSpec.model_validate(given)

    counter = {"kind": "integer", "role": "counter", "step": True, "period_s": 600.0}
    return [
        spec("State", "state.packml", kind="text", role="state", step=True, period_s=600.0),
        spec("Count", "count.processed", **counter),
        spec("Bad", "count.defective", **{**counter, "period_s": None}),
        spec("Energy", "energy.active", role=SignalRole.COUNTER, unit="kW.h", period_s=900.0),
        spec("Size", "length.part", role=SignalRole.RESULT, unit="mm"),
    ]


@pytest.fixture
def plant(sqlite_at: Callable[[Path], Metadata], tmp_path: Path) -> Iterator[Plant]:
    """A new plant."""
    plain = sqlite_at(tmp_path / "plant.sqlite")
    metadata = plain.above(Above.OPERATOR)
    people: dict[str, int] = {}
    scopes: dict[str, TenantScope] = {}
    with metadata.session() as session:
        tenant = create_tenant(session, "steel", "钢", "Steel", "Asia/Shanghai")
        collector = job_principal(session, "collector", Role.COLLECTOR)
        scopes["collector"] = access_tenant(collector, "steel", Permission.INGEST)
        ids = upsert_signals(session, scopes["collector"], "opc", _specs())
        for name, role in (
            ("boss", Role.OWNER),
            ("anna", Role.SHIFT_OPERATOR),
            ("bert", Role.SHIFT_OPERATOR),
        ):
            people[name] = create_user(session, name, name, "a password 2026", {"steel": [role]})
            held = Principal(people[name], name, {"steel": (tenant.id, frozenset({role}))}, person=True)
            scopes[name] = access_tenant(held, "steel", Permission.HANDLE)
        for name in ("boss", "anna"):
            spec = ContactSpec(mail=f"{name}@plant.example")
            set_contact(session, scopes["boss"], people[name], spec, BEGIN)
    telemetry = Telemetry(tmp_path / "store", plain)
    yield Plant(metadata, telemetry, ids, scopes, people, f"sqlite:///{tmp_path / 'plant.sqlite'}")
    telemetry.close()
    plain.close()
