"""Adds a connection to a settings file, so that `tundish up` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli_w

from tundish_deploy.commands.options import give_up
from tundish_deploy.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_connectors.opcua import OpcUaConnection
    from tundish_deploy.commands.connection import ConnectionOptions


def add_connection(
    file: Path, connection: OpcUaConnection, options: ConnectionOptions, tenant: str, token_file: Path
) -> None:
    """Append the connection; what stands in the file stays as it is, comments too.

    The file is left unchanged when the settings could not be used with the new connection.
    """
    own = connection.pki_dir / "own"
    said: dict[str, Any] = {
        "name": connection.name,
        "tenant": tenant,
        "url": connection.url,
        "token_file": str(token_file.resolve()),
        "security": connection.security_policy,
        "mode": connection.security_mode,
        "allow_insecure": connection.security_policy == "None",
        "user": connection.user,
        "password_file": _place(options.password_file),
        "user_certificate": _place(connection.user_certificate),
        "user_private_key": _place(connection.user_private_key),
        # The same certificate and trust as now: servers and people have seen these.
        "certificate": _place(connection.certificate or own / "cert.der"),
        "private_key": _place(connection.private_key or own / "key.pem"),
        "trust": _place(connection.trust or connection.pki_dir / "trusted"),
        "kit": connection.kit,
        "line": connection.line,
        "prefix": connection.prefix or None,
        "rules": _place(connection.rules),
    }
    if connection.security_policy == "None":
        said |= dict.fromkeys(("certificate", "private_key", "trust"))
    block = tomli_w.dumps({"connection": [{key: value for key, value in said.items() if value is not None}]})
    before = file.read_text("utf-8") if file.exists() else ""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.write_text(f"{before.rstrip()}\n\n{block}".lstrip(), "utf-8")
    try:
        names = [one.name for one in load_settings(unfinished).connection]
    except SettingsError as error:
        unfinished.unlink()
        give_up(str(error))
    if len(set(names)) < len(names):
        unfinished.unlink()
        give_up(f"{file} has a connection {connection.name} already. Choose another with --name.")
    unfinished.replace(file)


def _place(file: Path | None) -> str | None:
    return None if file is None else str(file.resolve())
