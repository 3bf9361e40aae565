"""The connection doctor: every step from the server's name to its values, each with what to do about it."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError
from pydantic import BaseModel, ConfigDict

from tundish_connectors.connector import ConnectorError
from tundish_connectors.opcua import doctor_texts as texts
from tundish_connectors.opcua.choose import plain_name
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.endpoints import Offer, read_offers
from tundish_connectors.opcua.errors import classify
from tundish_connectors.opcua.limits import Limits, read_limits
from tundish_connectors.opcua.security import (
    application_uri,
    fingerprint,
    is_trusted,
    load_certificate,
    own_certificate,
)
from tundish_connectors.opcua.stillness import Stillness, watch_still
from tundish_connectors.opcua.survey import Survey, survey_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.session import RawSession

_CLOCK_LIMIT_S = 5.0
_PORT_TIMEOUT_S = 5.0
_EXPIRY_WARNING_DAYS = 60
# Below this a line of some thousand signals takes minutes to set up.
_LEAST_OPERATIONS = 10
_NAMED = 10


class Finding(BaseModel):
    """One examined step.

    Attributes:
        check: short name of the step.
        ok: False where something has to be done.
        message_zh, message_en: what was found.
        advice_zh, advice_en: what to do; empty where nothing has to be done.
    """

    model_config = ConfigDict(frozen=True)

    check: str
    ok: bool
    message_zh: str
    message_en: str
    advice_zh: str = ""
    advice_en: str = ""


def diagnose(connection: OpcUaConnection, watch_s: float = 0.0) -> list[Finding]:
    """Examine a connection from the outside in; steps behind one that bars the way are left out.

    Collects nothing and changes nothing at the server; it may make the gateway's own certificate.

    Args:
        connection: as it would collect.
        watch_s: seconds to watch for values that never change; 0 leaves that step out.
    """
    return asyncio.run(examine(connection, watch_s))


async def examine(connection: OpcUaConnection, watch_s: float = 0.0) -> list[Finding]:
    """`diagnose` for callers within an event loop."""
    doctor = _Doctor(connection, watch_s)
    try:
        await doctor.examine()
    except ConnectorError as error:
        doctor.note(
            "login", ok=False, message=(error.message_zh, error.message_en), advice=texts.LOGIN_ADVICE
        )
    except (UaError, OSError, TimeoutError) as error:
        known = classify(error, connection.url)
        doctor.note("services", ok=False, message=(known.message_zh, known.message_en))
    return doctor.findings


class _Doctor:
    def __init__(self, connection: OpcUaConnection, watch_s: float) -> None:
        self._watch_s = watch_s
        self.findings: list[Finding] = []
        self._connection = connection

    def note(self, check: str, *, ok: bool, message: texts.Text, advice: texts.Text = ("", "")) -> bool:
        given = ("", "") if ok else advice
        self.findings.append(
            Finding(
                check=check,
                ok=ok,
                message_zh=message[0],
                message_en=message[1],
                advice_zh=given[0],
                advice_en=given[1],
            )
        )
        return ok

    async def examine(self) -> None:
        if not (await self._name() and await self._port()):
            return
        offers = await self._endpoints()
        if not offers:
            return
        self._host(offers)
        if not self._policies(offers):
            return
        if self._connection.security_policy != "None":
            await self._certificates(offers)
        await self._session()

    async def _name(self) -> bool:
        host = self._connection.host
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            return self.note("name", ok=False, message=texts.name(host, str(error)), advice=texts.NAME)
        addresses = ", ".join(sorted({str(entry[4][0]) for entry in found}))
        return self.note("name", ok=True, message=texts.name(host, addresses))

    async def _port(self) -> bool:
        host, port = self._connection.host, self._connection.port
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _PORT_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            why = str(error) or "timeout"
            return self.note("port", ok=False, message=texts.closed(host, port, why), advice=texts.PORT)
        writer.close()
        return self.note("port", ok=True, message=texts.port_open(host, port))

    async def _endpoints(self) -> list[Offer]:
        try:
            offers = await read_offers(self._connection.url, self._connection.request_timeout_s)
        except (UaError, OSError, TimeoutError) as error:
            self.note("endpoints", ok=False, message=texts.no_endpoints(str(error)), advice=texts.ENDPOINTS)
            return []
        self.note("endpoints", ok=bool(offers), message=texts.endpoints(offers), advice=texts.ENDPOINTS)
        return offers

    def _host(self, offers: Sequence[Offer]) -> None:
        hosts = sorted({offer.host for offer in offers})
        self.note(
            "host",
            ok=self._connection.host in hosts,
            message=texts.hosts(hosts, self._connection.host),
            advice=texts.HOST,
        )

    def _policies(self, offers: Sequence[Offer]) -> bool:
        wanted = self._wanted(offers) is not None
        return self.note("policies", ok=wanted, message=texts.policies(offers), advice=texts.POLICIES)

    def _wanted(self, offers: Sequence[Offer]) -> Offer | None:
        policy = self._connection.security_policy
        mode = "None" if policy == "None" else self._connection.security_mode
        return next((one for one in offers if plain_name(one.policy) == policy and one.mode == mode), None)

    async def _certificates(self, offers: Sequence[Offer]) -> None:
        own = await own_certificate(self._connection)
        self._certificate("own certificate", load_certificate(own.certificate), texts.RENEW)
        offer = self._wanted(offers)
        certificate = offer.certificate() if offer is not None else None
        if offer is None or certificate is None:
            self.note("server certificate", ok=False, message=texts.NO_CERTIFICATE, advice=texts.CERTIFICATE)
            return
        self._certificate("server certificate", certificate, texts.CERTIFICATE)
        stated = application_uri(certificate)
        self.note(
            "application uri",
            ok=stated == offer.application_uri,
            message=texts.uris(stated, offer.application_uri),
            advice=texts.APPLICATION_URI,
        )
        self.note(
            "trust",
            ok=is_trusted(self._connection, offer.der),
            message=texts.trusted(fingerprint(offer.der)),
            advice=texts.trust(self._connection.trust or self._connection.pki_dir / "trusted"),
        )

    def _certificate(self, check: str, certificate: x509.Certificate, advice: texts.Text) -> None:
        now = datetime.now(UTC)
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        days = (last - now).days
        good = first <= now and days >= _EXPIRY_WARNING_DAYS
        self.note(check, ok=good, message=texts.certificate(first, last, days), advice=advice)

    async def _session(self) -> None:
        client, session = await open_client(self._connection)
        try:
            self.note("login", ok=True, message=texts.LOGIN)
            await self._clock(session)
            limits = await read_limits(session)
            self._limits(limits)
            survey = await survey_server(session, self._connection)
            self._nodes(survey)
            if self._watch_s:
                self._still(await watch_still(session, survey.desired, self._watch_s, limits.read))
        finally:
            await leave(client)

    async def _clock(self, session: RawSession) -> None:
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        node = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))
        parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value)]
        before = datetime.now(UTC)
        (answer,) = await session.read(parameters)
        middle = before + (datetime.now(UTC) - before) / 2
        server = answer.Value.Value if answer.Value else None
        if not isinstance(server, datetime):
            self.note("clock", ok=False, message=texts.NO_CLOCK, advice=texts.CLOCK)
            return
        server = server if server.tzinfo else server.replace(tzinfo=UTC)
        ahead = (server - middle).total_seconds()
        self.note("clock", ok=abs(ahead) < _CLOCK_LIMIT_S, message=texts.clock(ahead), advice=texts.CLOCK)

    def _limits(self, limits: Limits) -> None:
        stated = (limits.browse, limits.read, limits.items)
        bearable = all(one is None or one >= _LEAST_OPERATIONS for one in stated)
        self.note("limits", ok=bearable, message=texts.limits(*stated), advice=texts.LIMITS)

    def _still(self, seen: Stillness) -> None:
        alive = seen.watched == 0 or len(seen.still) < seen.watched
        self.note(
            "changes",
            ok=alive and not seen.overdue,
            message=texts.still(seen.overdue or seen.still, seen.watched, self._watch_s, _NAMED),
            advice=texts.STILL,
        )

    def _nodes(self, survey: Survey) -> None:
        count = len(survey.desired)
        self.note("nodes", ok=count > 0, message=texts.nodes(count), advice=texts.NODES)
        bad = [f"{path} ({why})" for path, why in {**survey.troubles, **survey.unreadable}.items()]
        self.note("node states", ok=not bad, message=texts.bad_nodes(bad, _NAMED), advice=texts.BAD_NODES)
        if self._connection.kit is not None:
            missing = survey.missing
            self.note("kit", ok=not missing, message=texts.missing(missing, _NAMED), advice=texts.KIT)
