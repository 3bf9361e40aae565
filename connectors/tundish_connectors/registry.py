"""Which connectors there are, found by a word of the settings and loaded only when one is wanted.

A connector is a package with ``manifest.toml``, ``quality_scale.toml``, ``README.md``, a settings model and a
class that collects (`tundish_connectors.collect.gateway.Collecting`).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from tundish_connectors.collect.gateway import recorded, run_gateway
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tundish_connectors.collect.config import Connection
    from tundish_connectors.collect.gateway import Assembled, Collecting, GatewaySettings, Ground

TYPES = ("opcua", "sparkplug", "modbus", "files", "http_push")


class UnknownConnector(KeyError):  # noqa: N818 - says what is wrong, as its readers see it
    """No connector of this type; the message lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


class Manifest(BaseModel):
    """What a connector says of itself.

    Attributes:
        type: the word of the settings.
        name_zh, name_en, summary_zh, summary_en: for people.
        protocol: what it speaks.
        config: ``module:Class`` of its settings.
        connector: ``module:Class``, built of settings and `Recorder`.
        assemble: ``module:function`` of settings instead, for a connector without `Recorder`.
        kinds: of which kinds its samples can be.
        extra: the extra of the distribution that brings its libraries.
        libraries: what it stands on.
        reads, writes: whether it collects, and whether it can change anything at the source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    name_zh: str
    name_en: str
    summary_zh: str
    summary_en: str
    protocol: str
    config: str
    connector: str = ""
    assemble: str = ""
    kinds: tuple[SampleKind, ...]
    extra: str
    libraries: tuple[str, ...] = ()
    reads: bool = True
    writes: bool = False


class Rule(BaseModel):
    """How one rule of the quality scale stands: done, or exempt with a reason, or open with a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str = Field(pattern="^(done|exempt|open)$")
    comment: str = ""


@dataclass(frozen=True)
class ConnectorType:
    """A connector that can be had."""

    manifest: Manifest

    def config(self) -> type[Connection]:
        """The settings model; its ``model_json_schema()`` describes them."""
        found: type[Connection] = _load(self.manifest.config)
        return found

    def quality(self) -> dict[str, dict[str, Rule]]:
        """Rules by tier (bronze, silver, gold), as the quality-scale file has them."""
        tiers = _toml(self.manifest.type, "quality_scale.toml")
        return {
            tier: {name: Rule.model_validate(rule) for name, rule in rules.items()}
            for tier, rules in tiers.items()
        }

    def check(self, values: Mapping[str, Any]) -> Connection:
        """Settings from plain values, without network.

        Raises:
            pydantic.ValidationError: it says which key is wrong.
        """
        return self.config().model_validate(dict(values))

    def run(self, values: Mapping[str, Any], settings: GatewaySettings) -> int:
        """Run one connection in this process until a signal; returns the exit code.

        Raises:
            pydantic.ValidationError: the values are wrong.
            ConnectorError: another process uses the state folder.
        """
        checked = self.check(values)
        return run_gateway(checked, settings, self.assembled(checked))

    def assembled(self, connection: Connection) -> Callable[[Ground], Assembled]:
        """Makes the connector of a connection without touching the network."""
        if self.manifest.assemble:
            found: Callable[[Ground], Assembled] = _load(self.manifest.assemble)(connection)
            return found
        made: Callable[..., Collecting] = _load(self.manifest.connector)
        return recorded(connection, lambda recorder: made(connection, recorder))


def connector_type(name: str) -> ConnectorType:
    """The connector of a type.

    Raises:
        UnknownConnector: there is none.
    """
    if name not in TYPES:
        raise UnknownConnector(f"there is no connector {name!r}; there are {', '.join(TYPES)}")
    return ConnectorType(Manifest.model_validate(_toml(name, "manifest.toml")))


def connector_types() -> list[ConnectorType]:
    """All connectors."""
    return [connector_type(name) for name in TYPES]


def _toml(name: str, file: str) -> dict[str, Any]:
    return tomllib.loads((files("tundish_connectors") / name / file).read_text("utf-8"))


def _load(place: str) -> Any:  # noqa: ANN401 - a class or a function, as the manifest says
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
