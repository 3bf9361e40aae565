"""Models on disk: one folder per tenant, line, model and version, each with its card and our signature.

Nothing is interpreted before the signature over its bytes was accepted, and only this installation's key
makes such signatures. The key lies beside the registry's folder, never in it.
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
from tundish_analytics.models.signing import NotOurs, Signer

if TYPE_CHECKING:
    from pathlib import Path

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE: Final = "model.skops"
_CARD: Final = "card.json"
_SIGNED: Final = "signature.json"
_CURRENT: Final = "current.json"

# skops restores nothing outside its own list and this one. The tree types are scikit-learn's own; a crafted
# tree could crash the process, hence the signature is checked first.
TRUSTED: Final = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "tundish_analytics.condition.imputer.ConditionalImputer",
)


class RegistryError(RuntimeError):
    """A stored model that is absent, damaged, not ours, or holds types that are not allowed."""


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where the versions of one model lie, and whose they are."""

    tenant: str
    line: str
    model: str
    folder: Path

    def statement(self, version: str, **said: str) -> dict[str, str]:
        """What is signed: not the bytes alone but whose they are, so that none serve elsewhere."""
        return {
            "tenant": self.tenant, "line": self.line, "model": self.model, "version": version, **said
        }  # fmt: skip


class Registry:
    """The models below one root folder.

    Args:
        root: created on first use; must be writable by the platform's own user only.
        key_file: the signing key, made on first storing; ``<root>.key`` beside the root if absent.
            Installations that share a root share the key.
    """

    def __init__(self, root: Path, key_file: Path | None = None) -> None:
        self._root = root
        self._key_file = key_file or root.with_name(f"{root.name}.key")

    @property
    def signer(self) -> Signer:
        """This installation's key.

        Raises:
            RegistryError: its file is unusable.
        """
        try:
            return Signer.kept(self._key_file)
        except (OSError, ValueError) as error:
            raise RegistryError(f"the signing key of the models is unusable: {error}") from error

    def place(self, tenant: str, line: str, model: str) -> Place:
        """Where a model lies.

        Raises:
            RegistryError: a name that cannot be a folder's.
        """
        return Place(tenant, line, model, self._root / _slug(tenant) / _slug(line) / _slug(model))

    def places(self) -> list[tuple[str, Path]]:
        """Tenant and folder of each model there is."""
        return sorted((found.parents[1].name, found) for found in self._root.glob("*/*/*") if found.is_dir())

    def store(
        self, tenant: str, card: ModelCard, state: dict[str, Any], *, current: bool = True
    ) -> ModelCard:
        """Write and sign a version.

        Args:
            tenant: the tenant's slug.
            card: without digest.
            state: scikit-learn objects, arrays and plain values.
            current: make it the version that is loaded when none is named.

        Returns:
            The card with its digest.

        Raises:
            RegistryError: the state holds a type outside `TRUSTED`, so it could not be loaded again.
        """
        data = skops.io.dumps(state, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        refuse_foreign(data)
        stored = ModelCard(**{**asdict(card), "features": card.features, "sha256": digest_of(data)})
        place = self.place(tenant, card.line, card.model)
        folder = place.folder / _slug(card.version)
        folder.mkdir(parents=True)
        document = json.dumps(asdict(stored), ensure_ascii=False, indent=1).encode()
        _write(folder / _FILE, data)
        _write(folder / _CARD, document)
        self.sign(place, card.version, document, data)
        if current:
            self.choose(tenant, card.line, card.model, card.version)
        return stored

    def sign(self, place: Place, version: str, document: bytes, data: bytes) -> None:
        """Put our name to these bytes of card and model; called when storing, and on a person's demand."""
        statement = place.statement(version, card=digest_of(document), file=digest_of(data))
        _write(place.folder / _slug(version) / _SIGNED, _json(self.signer.sign(statement)))

    def choose(self, tenant: str, line: str, model: str, version: str) -> None:
        """Make a version the current one.

        Raises:
            RegistryError: there is no such version, or it is not ours.
        """
        place = self.place(tenant, line, model)
        self._accepted(place, version)
        _write(place.folder / _CURRENT, _json(self.signer.sign(place.statement(version, what="current"))))

    def current(self, tenant: str, line: str, model: str) -> str | None:
        """The version that is loaded when none is named; ``None`` where the model was never trained.

        Raises:
            RegistryError: the index is damaged or not ours.
        """
        place = self.place(tenant, line, model)
        try:
            index = _object(place.folder / _CURRENT)
        except FileNotFoundError:
            return None
        version = str(index.get("version"))
        self._check(place.statement(version, what="current"), index, place.folder / _CURRENT)
        return version

    def load(
        self, tenant: str, line: str, model: str, version: str | None = None
    ) -> tuple[ModelCard, dict[str, Any]] | None:
        """A version, the current one if none is named; ``None`` where the model was never trained.

        Raises:
            RegistryError: it is damaged, not ours, or holds a type that is not allowed.
        """
        chosen = version or self.current(tenant, line, model)
        if chosen is None:
            return None
        document, data = self._accepted(self.place(tenant, line, model), chosen)
        refuse_foreign(data)
        return _card(document), skops.io.loads(data, trusted=list(TRUSTED))

    def card(self, tenant: str, line: str, model: str, version: str) -> ModelCard:
        """A version's card.

        Raises:
            RegistryError: as with `load`.
        """
        return _card(self._accepted(self.place(tenant, line, model), version)[0])

    def versions(self, tenant: str, line: str, model: str) -> list[str]:
        """All stored versions of a model, oldest first."""
        folder = self.place(tenant, line, model).folder
        return sorted(found.name for found in folder.iterdir() if found.is_dir()) if folder.is_dir() else []

    def _accepted(self, place: Place, version: str) -> tuple[bytes, bytes]:
        """Bytes of card and model file, once they are known to be ours."""
        folder = place.folder / _slug(version)
        document, data = self.stored(place, version)
        try:
            signed = _object(folder / _SIGNED)
        except FileNotFoundError:
            signed = {}
        said = {name: str(signed.get(name)) for name in ("card", "file")}
        self._check(place.statement(version, **said), signed, folder)
        for name, part, found in (("card", _CARD, document), ("file", _FILE, data)):
            if digest_of(found) != said[name]:
                raise RegistryError(f"{folder / part} was changed since it was stored; train the model again")
        return document, data

    @staticmethod
    def stored(place: Place, version: str) -> tuple[bytes, bytes]:
        """Bytes of card and model file as they lie there, whoever wrote them.

        Raises:
            RegistryError: one of them is missing.
        """
        folder = place.folder / _slug(version)
        try:
            return (folder / _CARD).read_bytes(), (folder / _FILE).read_bytes()
        except OSError as error:
            raise RegistryError(f"model {folder} is incomplete, train it again: {error}") from error

    def _check(self, statement: dict[str, str], signed: dict[str, Any], place: Path) -> None:
        try:
            self.signer.check(statement, signed)
        except NotOurs as error:
            raise RegistryError(
                f"{place} {error} and is not loaded; train the model again, or, if you know where it comes "
                "from, sign it with `tundish models sign`"
            ) from error


def refuse_foreign(data: bytes) -> None:
    """Refuse what is no model file, or one with types outside `TRUSTED`.

    Raises:
        RegistryError: the types, by name.
    """
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise RegistryError(f"this is no model file: {error}") from error
    if foreign:
        raise RegistryError(f"the model holds types that are not allowed here: {', '.join(foreign)}")


def digest_of(data: bytes) -> str:
    """SHA-256 as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def _card(document: bytes) -> ModelCard:
    fields = json.loads(document)
    return ModelCard(**{**fields, "features": tuple(fields["features"])})


def _json(document: dict[str, str]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _object(file: Path) -> dict[str, Any]:
    """The JSON object in a file, empty where it holds none."""
    try:
        found = json.loads(file.read_bytes())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


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
