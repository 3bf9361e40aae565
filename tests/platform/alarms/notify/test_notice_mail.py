"""Against a real SMTP server (aiosmtpd) with TLS, log-in and refusals."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.alarms.notify.mail import MailServer, hand_in, letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from conftest import Office

pytestmark = pytest.mark.integration

PASSWORD = "of-the-mail-server"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LOOPBACK = Allowed.of(("127.0.0.0/8", "::1/128"))


class Post:
    """Takes mail for everybody but one."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], EmailMessage]] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: object, address: str, _o: object
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("full"):
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)  # type: ignore[attr-defined] # aiosmtpd's Envelope
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        letter_ = message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[attr-defined] # same
        self.got.append((list(envelope.rcpt_tos), letter_))  # type: ignore[attr-defined,arg-type] # same
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    start = datetime.now(UTC) - timedelta(days=1)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def _authenticate(_s: object, _session: object, _e: object, _m: str, data: object) -> AuthResult:
    right = (data.login, data.password) == (b"tundish", PASSWORD.encode())  # type: ignore[attr-defined] # LoginPassword
    return AuthResult(success=right, handled=False)


@contextmanager
def running(**options: Any) -> Iterator[tuple[int, Post]]:  # noqa: ANN401 - of aiosmtpd's SMTP
    """A server on a free port, in a thread; its port and what it got."""
    post, loop = Post(), asyncio.new_event_loop()
    opening = loop.create_server(
        lambda: SMTP(post, hostname="mail.test", loop=loop, **options), "127.0.0.1", 0
    )
    server = loop.run_until_complete(opening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield int(server.sockets[0].getsockname()[1]), post
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.fixture
def starttls(certificate: Path) -> Iterator[tuple[int, Post]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asks = {"require_starttls": True, "auth_required": True, "authenticator": _authenticate}
    with running(tls_context=context, **asks) as one:
        yield one


@pytest.fixture
def plain() -> Iterator[tuple[int, Post]]:
    with running() as one:
        yield one


def written(to: list[str]) -> EmailMessage:
    return letter(
        sender="alarm@plant.example",
        to=to,
        subject="【高】钢厂: 超温",
        text="超温",
        key="steel-1-1-1",
        now=NOW,
    )  # fmt: skip


def server_of(port: int, security: str = "none", password: str = PASSWORD) -> MailServer:
    user = "" if security == "none" else "tundish"
    return MailServer("127.0.0.1", port, security, user, password)


def test_mail_goes_by_starttls_with_log_in(
    starttls: tuple[int, Post], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    port, post = starttls
    to = ["a@plant.example", "b@plant.example"]
    hand_in(server_of(port, "starttls"), written(to), to, LOOPBACK, 30)
    ((recipients, mail),) = post.got
    assert recipients == to
    assert mail["Subject"] == "【高】钢厂: 超温"
    assert mail["Message-ID"] == "<steel-1-1-1@plant.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == "超温"
    with pytest.raises(NotSent) as refused:
        hand_in(server_of(port, "starttls", "wrong"), written(to), to, LOOPBACK, 30)
    assert (refused.value.fault, refused.value.again) == (Fault.LOGIN_REFUSED, False)


def test_no_password_goes_to_a_server_that_is_not_trusted(starttls: tuple[int, Post]) -> None:
    port, post = starttls
    with pytest.raises(NotSent) as refused:
        hand_in(server_of(port, "starttls"), written(["a@b.example"]), ["a@b.example"], LOOPBACK, 30)
    assert refused.value.fault is Fault.UNTRUSTED
    assert post.got == []


def test_a_server_without_starttls_is_not_used_in_clear_text(plain: tuple[int, Post]) -> None:
    port, post = plain
    with pytest.raises(NotSent) as refused:
        hand_in(server_of(port, "starttls"), written(["a@b.example"]), ["a@b.example"], LOOPBACK, 30)
    assert refused.value.fault is Fault.UNTRUSTED
    assert post.got == []


@pytest.mark.parametrize(
    ("to", "again"),
    [(["nobody@b.example"], False), (["full@b.example"], True), (["full@b.c", "nobody@b.c"], True)],
)
def test_refused_recipients_are_told_apart(plain: tuple[int, Post], to: list[str], again: bool) -> None:
    with pytest.raises(NotSent) as refused:
        hand_in(server_of(plain[0]), written(to), to, LOOPBACK, 30)
    assert (refused.value.fault, refused.value.again) == (Fault.NOT_ACCEPTED, again)


def test_a_mail_server_that_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = MailServer("127.0.0.1", silent.getsockname()[1], "none", "", "")
        with pytest.raises(NotSent) as refused:
            hand_in(server, written(["a@b.example"]), ["a@b.example"], LOOPBACK, 0.3)
    assert (refused.value.fault, refused.value.again) == (Fault.TIMEOUT, True)


def test_mail_servers_inside_need_the_operators_leave(plain: tuple[int, Post]) -> None:
    with pytest.raises(NotSent) as refused:
        hand_in(server_of(plain[0]), written(["a@b.example"]), ["a@b.example"], Allowed(), 30)
    assert refused.value.fault is Fault.FORBIDDEN_ADDRESS
    assert plain[1].got == []


def test_who_has_the_role_now_gets_the_mail(office: Office, plain: tuple[int, Post]) -> None:
    boss, guest = office.person("boss", "plant_manager"), office.person("guest", "viewer")
    channel = office.channel(
        kind="mail", host="127.0.0.1", port=plain[0], security="none",
        sender="alarm@plant.example", recipients=["duty@plant.example"],
    )  # fmt: skip
    office.policy(
        [{"after_minutes": 0, "channels": [channel], "roles": ["plant_manager"], "people": [guest]}]
    )
    office.raise_alarm()
    notifier = office.notifier()
    notifier.escalate()
    notifier.send()
    notifier.drain()
    assert [row.state for row in office.log()] == ["sent"]
    assert plain[1].got[0][0] == ["duty@plant.example", "boss@plant.example", "guest@plant.example"]
    office.leave(boss, "plant_manager")
    office.raise_alarm("another")
    notifier.escalate()
    notifier.send()
    notifier.drain()
    assert plain[1].got[1][0] == ["duty@plant.example", "guest@plant.example"]
