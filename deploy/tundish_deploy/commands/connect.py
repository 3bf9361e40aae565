"""`tundish connect`: from an address to a running line, step by step."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from tundish_deploy.commands import connect_texts as texts
from tundish_deploy.commands.connect_texts import Language, say
from tundish_deploy.commands.connection import ConnectionOptions, with_connection
from tundish_deploy.commands.options import give_up
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from tundish_connectors.opcua import OpcUaConnection
    from tundish_connectors.opcua.discover import Discovery
    from tundish_connectors.opcua.endpoints import Offer

console = Console(highlight=False)
_SHOWN = 20


@with_connection
def connect(  # noqa: PLR0913 - one option each
    options: ConnectionOptions,
    *,
    tenant: Annotated[str, typer.Option(help="Tenant that owns the data.")],
    token_file: Annotated[Path, typer.Option(help="File that holds the collector's token.")],
    server: Annotated[str, typer.Option(help="Where the platform is.")] = "http://127.0.0.1:8050",
    trust_fingerprint: Annotated[
        str | None, typer.Option(help="SHA-256 of the server's certificate, to trust it without asking.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Settings file to add the connection to, such as tundish.toml.")
    ] = None,
    language: Annotated[Language, typer.Option("--lang")] = "zh",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; trusts nobody by itself.")] = False,
) -> None:
    """From an address to values: endpoints, trust, tree and proposals, then collect until Ctrl-C."""
    from tundish_connectors.delivery import DeliveryConfig
    from tundish_connectors.opcua import GatewayConfig, run_connector
    from tundish_deploy.secrets import secret

    configure_logs()
    guide = _Guide(options, language, asks=not yes)
    connection = guide.secure(trust_fingerprint)
    found = guide.look(connection)
    guide.show(found)
    if found.proposal is not None and options.kit is None:
        connection = connection.model_copy(update={"kit": found.proposal.kit, "line": found.proposal.line})
    start = say(texts.START, language, variables=found.variables, tenant=tenant)
    if not yes and not typer.confirm(start):
        raise typer.Exit(0)
    if save is not None:
        from tundish_deploy.commands.save import add_connection

        add_connection(save, connection, options, tenant, token_file)
        console.print(say(texts.SAVED, language, file=save))
    console.print(say(texts.RUNS, language))
    delivery = DeliveryConfig(base_url=server, tenant=tenant, token=secret(token_file))
    raise typer.Exit(run_connector(GatewayConfig(connection=connection, delivery=delivery)))


class _Guide:
    def __init__(self, options: ConnectionOptions, language: Language, *, asks: bool) -> None:
        self._options = options
        self._language: Language = language
        self._asks = asks

    def _say(self, text: texts.Text, **filled: object) -> None:
        console.print(say(text, self._language, **filled), markup=False, soft_wrap=True)

    def secure(self, fingerprint: str | None) -> OpcUaConnection:
        """The connection with a policy that the server offers, and the server trusted."""
        from tundish_connectors.opcua.choose import best_offer, plain_name

        options = self._options
        connection = options.connection()
        offers = self._offers(connection)
        self._say(texts.OFFERS)
        for offer in sorted(offers, key=lambda one: (one.policy, one.mode)):
            console.print(
                f"  {offer.policy}/{offer.mode}  {', '.join(offer.logins)}", markup=False, soft_wrap=True
            )
        if options.security == "None":
            return connection
        wanted = [one for one in offers if plain_name(one.policy) == options.security]
        best = best_offer(wanted if options.security else offers)
        if best is None:
            give_up(say(texts.CLEAR, self._language))
        mode = "Sign" if options.sign_only else best.mode
        connection = options.connection(security_policy=plain_name(best.policy), security_mode=mode)
        self._say(texts.CHOSEN, policy=best.policy, mode=mode)
        self._trust(connection, best, fingerprint)
        return connection

    def _offers(self, connection: OpcUaConnection) -> list[Offer]:
        from asyncua.ua.uaerrors import UaError

        from tundish_connectors.opcua.endpoints import read_offers
        from tundish_connectors.opcua.errors import classify

        try:
            return asyncio.run(read_offers(connection.url, connection.request_timeout_s))
        except (UaError, OSError, TimeoutError) as error:
            known = classify(error, connection.url)
            self._fail(known.message_zh if self._language == "zh" else known.message_en)

    def _fail(self, message: str) -> NoReturn:
        give_up(f"{message}\n{say(texts.DOCTOR, self._language, url=self._options.url)}")

    def _trust(self, connection: OpcUaConnection, offer: Offer, fingerprint: str | None) -> None:
        from tundish_connectors.connector import ConnectorError
        from tundish_connectors.opcua import security
        from tundish_connectors.opcua.trust import own_state, trust_certificate

        try:
            own = asyncio.run(own_state(connection))
            self._say(texts.OWN, file=own.file, fingerprint=own.sha256, until=f"{own.valid_until:%Y-%m-%d}")
            if security.is_trusted(connection, offer.der):
                return
            shown = security.fingerprint(offer.der)
            self._say(texts.FOREIGN, fingerprint=shown, uri=offer.application_uri)
            if fingerprint is not None and fingerprint.replace(":", "").lower() != shown:
                give_up(say(texts.OTHER, self._language))
            if fingerprint is None and not (self._asks and typer.confirm(say(texts.SAME, self._language))):
                raise typer.Exit(1)
            self._say(texts.TRUSTED, file=trust_certificate(connection, offer.der))
        except ConnectorError as error:
            self._fail(error.message_zh if self._language == "zh" else error.message_en)

    def look(self, connection: OpcUaConnection) -> Discovery:
        """What the server has; a person may mend what stands in the way and try again."""
        from tundish_connectors.connector import ConnectorError
        from tundish_connectors.opcua.discover import discover

        while True:
            try:
                with console.status("…") as status:
                    return discover(
                        connection,
                        lambda found, waiting: status.update(
                            say(texts.FOUND, self._language, found=found, waiting=waiting)
                        ),
                    )
            except ConnectorError as error:
                message = error.message_zh if self._language == "zh" else error.message_en
                if not self._asks:
                    self._fail(message)
                console.print(message, markup=False, soft_wrap=True)
                if not typer.confirm(say(texts.AGAIN, self._language)):
                    raise typer.Exit(1) from error

    def show(self, found: Discovery) -> None:
        """Tree and proposals."""
        table = Table("path", "variables")
        for path, number in list(found.tree.items())[:_SHOWN]:
            table.add_row(path, str(number))
        console.print(table)
        for path, reason in list(found.unusable.items())[:_SHOWN]:
            self._say(texts.UNUSABLE, path=path, reason=reason)
        for machine in found.machines[:_SHOWN]:
            self._say(texts.MACHINE, **machine.model_dump())
        if found.meanings:
            kinds = ", ".join(list(found.meanings)[:_SHOWN])
            self._say(texts.MEANINGS, number=sum(found.meanings.values()), kinds=kinds)
        if found.proposal is not None:
            self._say(texts.KIT, **found.proposal.model_dump())
        if found.rules_unused:
            self._say(texts.UNUSED, rules="; ".join(found.rules_unused[:_SHOWN]))
