"""Models that lie in the registry's folder without our signature: shown, and signed when a person says so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_analytics.models.registry import RegistryError, digest_of, refuse_foreign

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_analytics.models.registry import Registry


@dataclass(frozen=True, slots=True)
class Stored:
    """One version on disk.

    Attributes:
        line: as its card says; the folder's name where the card is unreadable.
        refused: why it would not be loaded; empty for ours.
    """

    tenant: str
    line: str
    model: str
    version: str
    refused: str


def stored_versions(registry: Registry) -> list[Stored]:
    """Every version there is, with the reason why it is refused."""
    found = []
    for tenant, folder in registry.places():
        for version in sorted(part.name for part in folder.iterdir() if part.is_dir()):
            line = _line(folder / version / "card.json") or folder.parent.name
            try:
                registry.card(tenant, line, folder.name, version)
                refused = ""
            except RegistryError as error:
                refused = str(error)
            found.append(Stored(tenant, line, folder.name, version, refused))
    return found


def sign_version(registry: Registry, tenant: str, line: str, model: str, version: str) -> None:
    """Sign a version with this installation's key, and make it the current one if none is.

    It must be whole and hold no type but those that models here are made of. That says nothing about where it
    comes from: this is for whoever knows.

    Raises:
        RegistryError: card and model file do not belong together, or the model holds other types.
    """
    place = registry.place(tenant, line, model)
    document, data = registry.stored(place, version)
    try:
        card = json.loads(document)
        said = {name: card.get(name) for name in ("line", "model", "version", "sha256")}
    except (ValueError, AttributeError) as error:
        raise RegistryError(f"the card of {model} {version} is unreadable: {error}") from error
    if said != {"line": line, "model": model, "version": version, "sha256": digest_of(data)}:
        raise RegistryError(f"the card of {model} {version} is not that of this model; it is not signed")
    refuse_foreign(data)
    registry.sign(place, version, document, data)
    try:
        usable = registry.current(tenant, line, model) is not None
    except RegistryError:
        usable = False
    if not usable:
        registry.choose(tenant, line, model, version)


def _line(card: Path) -> str:
    try:
        return str(json.loads(card.read_bytes())["line"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""
