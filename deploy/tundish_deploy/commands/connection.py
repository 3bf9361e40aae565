"""The options that every command about an OPC UA server has, in one place."""

from __future__ import annotations

import functools
import inspect
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from tundish_deploy.commands.options import give_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_connectors.opcua import OpcUaConnection

Policy = Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]


@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """What a person says of a server; see the help of each option."""

    url: Annotated[str, typer.Argument(help="opc.tcp://host:port/…")]
    name: Annotated[str, typer.Option(help="Name of the connection.")] = "opcua"
    folder: Annotated[
        Path, typer.Option(help="Folder of connections; each has its certificate, trust and spool there.")
    ] = Path(".tundish/edge")
    user: Annotated[str | None, typer.Option(help="User name at the server; anonymous if absent.")] = None
    password_file: Annotated[Path | None, typer.Option(help="File that holds the user's password.")] = None
    user_certificate: Annotated[
        Path | None, typer.Option(help="Certificate to log in with, in place of a name.")
    ] = None
    user_key: Annotated[Path | None, typer.Option(help="Its private key.")] = None
    security: Annotated[
        Policy | None,
        typer.Option(help="Security policy; the best offered one if absent. None sends all in clear text."),
    ] = None
    sign_only: Annotated[bool, typer.Option("--sign-only", help="Sign messages, but do not encrypt.")] = False
    trust: Annotated[
        Path | None, typer.Option(help="The server's certificate, or a folder of trusted ones.")
    ] = None
    certificate: Annotated[Path | None, typer.Option(help="Own certificate; made if absent.")] = None
    key: Annotated[Path | None, typer.Option(help="Own private key; goes with --certificate.")] = None
    kit: Annotated[str | None, typer.Option(help="Line kit whose signals are expected.")] = None
    prefix: Annotated[str, typer.Option(help="Put before every path, such as Site/Area/Line.")] = ""
    rules: Annotated[Path | None, typer.Option(help="CSV or Excel file that maps paths to signals.")] = None

    def connection(self, **changed: object) -> OpcUaConnection:
        """The checked connection, or an end with what is wrong; some settings may be given in another way."""
        from pydantic import ValidationError

        from tundish_connectors.opcua import OpcUaConnection
        from tundish_deploy.secrets import secret

        try:
            said = {
                "name": self.name,
                "url": self.url,
                "state_dir": (self.folder / self.name).resolve(),
                "security_policy": self.security or "Basic256Sha256",
                "security_mode": "Sign" if self.sign_only else "SignAndEncrypt",
                "certificate": self.certificate,
                "private_key": self.key,
                "trust": self.trust,
                "user": self.user,
                "password": None if self.password_file is None else secret(self.password_file),
                "user_certificate": self.user_certificate,
                "user_private_key": self.user_key,
                "kit": self.kit,
                "prefix": self.prefix,
                "rules": self.rules,
            }
            return OpcUaConnection.model_validate({**said, **changed})
        except ValidationError as error:
            reasons = "; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
            give_up(f"This connection cannot be made: {reasons}")
        except OSError as error:
            give_up(f"This connection cannot be made: {error}")


def with_connection(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of `ConnectionOptions`; it takes them as one argument ``options``."""
    hints = get_type_hints(ConnectionOptions, include_extras=True)
    shared = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(ConnectionOptions)
    ]
    own = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, one in inspect.signature(command, eval_str=True).parameters.items()
        if name != "options"
    ]
    # The address first, then what is the command's own, then the rest.
    parameters = [shared[0], *own, *shared[1:]]

    @functools.wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - whatever typer has parsed
        said = {one.name: given.pop(one.name) for one in shared}
        command(options=ConnectionOptions(**said), **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del run.__wrapped__
    return run
