"""Log-in of people as the settings describe it; secrets come from files of their own or the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tundish_deploy.secrets import secret
from tundish_deploy.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_deploy.settings import Settings
    from tundish_platform.people.settings import PeopleSettings


def people_settings(settings: Settings) -> PeopleSettings:
    """The settings of log-in, with their secrets.

    Raises:
        SettingsError: a key or provider is unusable, or a file is missing; no secret stands in the message.
    """
    # The web side's libraries; a gateway at the edge reads the same settings without them.
    from tundish_platform.people.settings import PeopleSettings

    said = settings.people
    key = (
        said.key if said.key is not None or said.key_file is None else _read("people.key_file", said.key_file)
    )
    values = {
        "key": key,
        "origin": said.origin or f"http://localhost:{settings.server.port}",
        "providers": [_provider(one) for one in said.provider],
    }
    try:
        return PeopleSettings.model_validate(values)
    except ValidationError as error:
        lines = ["The settings of people's log-in cannot be used:"]
        for problem in error.errors(include_input=False):
            where = ".".join(str(part) for part in problem["loc"])
            lines.append(f"  people.{where}: {problem['msg'].removeprefix('Value error, ')}")
        raise SettingsError("\n".join(lines)) from None


def _provider(said: dict[str, Any]) -> dict[str, Any]:
    values = dict(said)
    if (file := values.pop("client_secret_file", None)) is not None:
        values["client_secret"] = _read("people.provider.client_secret_file", file)
    return values


def _read(name: str, file: Path | str) -> Any:  # noqa: ANN401 - a secret that a model checks next
    from pathlib import Path

    try:
        return secret(Path(file))
    except OSError as error:
        raise SettingsError(f"{name}: {file} cannot be read ({error.strerror}).") from None
