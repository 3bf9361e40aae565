"""Mail by SMTP, with TLS and log-in, to addresses that were checked."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from tundish_platform.alarms.notify.addresses import Allowed, Deadline, connect, deadline
from tundish_platform.alarms.notify.faults import Fault, NotSent

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from datetime import datetime

# RFC 5321, 4.2.1: 4yz may succeed later, 5yz never will.
_FOR_GOOD: Final = 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in; see `MailSpec`."""

    host: str
    port: int
    security: str
    user: str
    password: str


def letter(
    *, sender: str, to: Sequence[str], subject: str, text: str, key: str, now: datetime
) -> EmailMessage:
    """A mail whose ``Message-ID`` is the same for every attempt, so that programs drop repeats."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{key}@{sender.rpartition('@')[2]}>"
    # RFC 3834: holiday notes shall not answer.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def hand_in(
    server: MailServer, message: EmailMessage, to: Sequence[str], allowed: Allowed, timeout: float
) -> None:
    """Hand a mail in once.

    Raises:
        NotSent: the server did not take it for anybody.
    """
    with deadline(timeout) as limit:
        try:
            _hand_in(server, message, to, allowed, timeout, limit)
        except smtplib.SMTPAuthenticationError as error:
            raise NotSent(
                Fault.LOGIN_REFUSED, f"SMTP {error.smtp_code}", again=error.smtp_code < _FOR_GOOD
            ) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            again = any(code < _FOR_GOOD for code in codes)
            raise NotSent(Fault.NOT_ACCEPTED, f"SMTP {codes[0]}", again=again) from error
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
            if limit.over or code < 0:
                raise NotSent(Fault.TIMEOUT if limit.over else Fault.ANSWERED_BADLY, again=True) from error
            raise NotSent(Fault.NOT_ACCEPTED, f"SMTP {code}", again=code < _FOR_GOOD) from error
        except (ssl.SSLError, smtplib.SMTPNotSupportedError) as error:
            raise NotSent(Fault.TIMEOUT if limit.over else Fault.UNTRUSTED, again=limit.over) from error
        except smtplib.SMTPException as error:
            raise NotSent(Fault.TIMEOUT if limit.over else Fault.UNREACHABLE, again=True) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise NotSent(Fault.TIMEOUT if limit.over else Fault.UNREACHABLE, again=True) from error


def _hand_in(
    server: MailServer,
    message: EmailMessage,
    to: Sequence[str],
    allowed: Allowed,
    timeout: float,
    limit: Deadline,
) -> None:
    trusting = ssl.create_default_context()

    class Pinned(smtplib.SMTP):
        """Connects to the address that was checked."""

        def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
            plain = connect(host, port, allowed, timeout)
            limit.watch(plain)
            if server.security == "tls":
                plain = trusting.wrap_socket(plain, server_hostname=host)
                limit.watch(plain)
            return plain

    with Pinned(server.host, server.port, timeout=timeout) as smtp:
        if server.security == "starttls":
            smtp.starttls(context=trusting)
            if smtp.sock is not None:
                limit.watch(smtp.sock)
        if server.user:
            smtp.login(server.user, server.password)
        smtp.send_message(message, to_addrs=list(to))
