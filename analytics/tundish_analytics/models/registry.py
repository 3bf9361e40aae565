"""Models on disk: one folder per tenant, line, model and version, each with its digest and its card.

Only this registry writes the folders it reads. A file from elsewhere has no digest in the index and is
refused before a byte of it is interpreted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import skops.io

from tundish_analytics import __version__

if TYPE_CHECKING:
    from pathlib import Path

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE: Final = "model.skops"
_CARD: Final = "card.json"
_CURRENT: Final = "current.json"

# skops restores nothing outside its own list and this one. The tree types are scikit-learn's own; a crafted
# tree could crash the process, hence the digest is checked first.
TRUSTED: Final = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "tundish_analytics.condition.imputer.ConditionalImputer",
)


class RegistryError(RuntimeError):
    """A stored model that is absent, damaged, or holds types that are not allowed."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is said of a model version, for people and programs.

    Attributes:
        model: id of the kind of model, ``hydraulic-condition`` for instance.
        line: path of the line whose data it was trained on.
        version: time of training in UTC, sortable.
        trained_from, trained_to: source time of the first and last training sample, ISO 8601.
        cases: how many training cases.
        features: the signals it reads, by path.
        protocol_zh, protocol_en: how the metrics came about.
        metrics: name to value, measured by that protocol at training.
        limits_zh, limits_en: what it cannot do.
        code: version of this package.
        sha256: of the model file; empty until stored.
    """

    model: str
    line: str
    trained_from: str
    trained_to: str
    cases: int
    features: tuple[str, ...]
    protocol_zh: str
    protocol_en: str
    metrics: dict[str, float]
    limits_zh: str
    limits_en: str
    version: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ"))
    code: str = __version__
    sha256: str = ""


def _slug(name: str) -> str:
    slug = name.replace("/", "_")
    if not _SLUG.fullmatch(slug):
        raise RegistryError(f"{name!r} cannot name a folder of the model registry")
    return slug


class Registry:
    """The models below one root folder.

    Args:
        root: created on first use; must be writable by the platform's own user only.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def _place(self, tenant: str, line: str, model: str) -> Path:
        return self._root / _slug(tenant) / _slug(line) / _slug(model)

    def store(self, tenant: str, card: ModelCard, state: dict[str, Any]) -> ModelCard:
        """Write a version and make it the current one.

        Args:
            tenant: the tenant's slug.
            card: without digest.
            state: scikit-learn objects, arrays and plain values.

        Returns:
            The card with its digest.

        Raises:
            RegistryError: the state holds a type outside `TRUSTED`, so it could not be loaded again.
        """
        data = skops.io.dumps(state, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        _refuse_foreign(data)
        stored = ModelCard(**{**asdict(card), "features": card.features, "sha256": _digest(data)})
        place = self._place(tenant, card.line, card.model)
        folder = place / _slug(card.version)
        folder.mkdir(parents=True)
        _write(folder / _FILE, data)
        document = json.dumps(asdict(stored), ensure_ascii=False, indent=1).encode()
        _write(folder / _CARD, document)
        _write(place / _CURRENT, json.dumps({"version": card.version, "card": _digest(document)}).encode())
        return stored

    def load(self, tenant: str, line: str, model: str) -> tuple[ModelCard, dict[str, Any]] | None:
        """The current version, or ``None`` where the model was never trained.

        Raises:
            RegistryError: card or model file differ from what was stored, or hold a type that is not allowed.
        """
        place = self._place(tenant, line, model)
        try:
            current = json.loads((place / _CURRENT).read_bytes())
        except FileNotFoundError:
            return None
        folder = place / _slug(current["version"])
        try:
            document = (folder / _CARD).read_bytes()
            data = (folder / _FILE).read_bytes()
        except OSError as error:
            raise RegistryError(f"model {folder} is incomplete, train it again: {error}") from error
        if _digest(document) != current["card"]:
            raise RegistryError(
                f"the card of {folder} was changed since it was stored; train the model again"
            )
        fields = json.loads(document)
        card = ModelCard(**{**fields, "features": tuple(fields["features"])})
        if _digest(data) != card.sha256:
            raise RegistryError(f"{folder / _FILE} was changed since it was stored; train the model again")
        _refuse_foreign(data)
        return card, skops.io.loads(data, trusted=list(TRUSTED))

    def current(self, tenant: str, line: str, model: str) -> str | None:
        """The version that `load` would give; ``None`` where the model was never trained."""
        try:
            said = json.loads((self._place(tenant, line, model) / _CURRENT).read_bytes())
        except FileNotFoundError:
            return None
        return str(said["version"])

    def versions(self, tenant: str, line: str, model: str) -> list[str]:
        """All stored versions of a model, oldest first."""
        place = self._place(tenant, line, model)
        return sorted(folder.name for folder in place.iterdir() if folder.is_dir()) if place.is_dir() else []


def _refuse_foreign(data: bytes) -> None:
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise RegistryError(f"this is no model file: {error}") from error
    if foreign:
        raise RegistryError(f"the model holds types that are not allowed here: {', '.join(foreign)}")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Write so that a reader sees the old file or the new one, also after a power cut."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
