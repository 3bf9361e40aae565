"""From settings to connectors other than OPC UA."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tundish_connectors.connector import ConnectorError, ErrorKind

if TYPE_CHECKING:
    from pydantic import ValidationError

    from tundish_deploy.settings import Settings, SourceSettings


def connector_settings(settings: Settings, source: SourceSettings) -> dict[str, Any]:
    """What the connector is told: the options, the secrets from their files, its name and its folder.

    Raises:
        ConnectorError: a secret's option or file does not exist.
    """
    from tundish_deploy.secrets import secret

    told = copy.deepcopy(source.options)
    for option, file in source.secrets.items():
        try:
            _place(told, option.split("."), secret(file).get_secret_value())
        except (OSError, LookupError, TypeError, ValueError) as error:
            raise _unusable(source, f"secrets.{option}: {error}") from error
    return told | {"name": source.name, "state_dir": settings.data_dir / "edge" / source.name}


def _place(told: Any, levels: list[str], value: str) -> None:  # noqa: ANN401 - tables and lists of TOML
    *above, last = levels
    for level in above:
        told = told[int(level)] if isinstance(told, list) else told[level]
    told[int(last) if isinstance(told, list) else last] = value


def collect_from_source(settings: Settings, source: SourceSettings) -> int:
    """Collect until SIGTERM or SIGINT; returns the process's exit code.

    Raises:
        ConnectorError: the options are wrong, or another process uses the folder.
    """
    from pydantic import ValidationError

    from tundish_connectors.collect import GatewaySettings
    from tundish_connectors.registry import connector_type
    from tundish_deploy.lines import delivery

    kind = connector_type(source.type)
    told = connector_settings(settings, source)
    try:
        kind.check(told)
    except ValidationError as error:
        raise _unusable(source, _explained(error)) from None
    return kind.run(told, GatewaySettings(delivery(settings, source)))


def _explained(error: ValidationError) -> str:
    # The input is left out: it may be a secret.
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_input=False)
    )


def _unusable(source: SourceSettings, reason: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.FATAL,
        f"The options of source {source.name} cannot be used: {reason}. Mend them in the settings file.",
        f"数据源 {source.name} 的设置不可用:{reason}。请在设置文件中更正。",
    )
