"""Which versions the platform says run, and the platform's book of models as the worker uses it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import structlog

from tundish_analytics.predictions import rounded
from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tundish_analytics.models.registry import ModelCard

    _Key = tuple[str, str, str, str]

_log = structlog.get_logger(__name__)

REREAD_S: Final = 30.0
_TOKEN_REFUSED: Final = 401
_SERVER_ERROR: Final = 500
# A card's words that say which version it is of, and so are no part of what is said of it.
_OWN: Final = frozenset({"line", "model", "version", "sha256"})


@runtime_checkable
class ModelBook(Protocol):
    """The part of `Client` about models."""

    def register_model(
        self, tenant: str, line: str, model: str, version: str, digest: str, card: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Register a version; doing it again answers how it stands."""

    def model_roles(
        self, tenant: str, line: str | None = None, model: str | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Rows with ``line, model, champion, shadow``."""

    def report_model(
        self, tenant: str, number: int, kind: str, level: str, moment: datetime, evidence: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Report on a version."""


@dataclass(frozen=True, slots=True)
class Role:
    """Versions of one model of a line.

    Attributes:
        champion: speaks for the line; ``None`` where people retired it.
        shadow: compute beside it and are compared.
    """

    champion: str | None
    shadow: tuple[str, ...]


class Roles:
    """The platform's word, read again every 30 s and kept while the platform is away.

    Args:
        book: the platform.
    """

    def __init__(self, book: ModelBook) -> None:
        self.book = book
        self._known: dict[str, dict[tuple[str, str], Role]] = {}
        self._read: dict[str, float] = {}
        self._numbers: dict[_Key, int] = {}
        self._refused: dict[_Key, float] = {}

    def of(self, tenant: str, line: str, model: str) -> Role | None:
        """How a model of a line runs; ``None`` where the platform knows no version of it, or never answered.

        Raises:
            ApiError: the token is refused.
        """
        if time.monotonic() - self._read.get(tenant, float("-inf")) >= REREAD_S:
            self._read[tenant] = time.monotonic()
            try:
                rows = self.book.model_roles(tenant)
            except ApiError as error:
                passing(error, "roles_unread", tenant=tenant)
            else:
                self._known[tenant] = {
                    (row["line"], row["model"]): Role(row["champion"], tuple(row["shadow"])) for row in rows
                }
        return self._known.get(tenant, {}).get((line, model))

    def register(self, tenant: str, card: ModelCard) -> int | None:
        """The platform's number of a version, told of it if need be; ``None`` while it does not take it.

        Raises:
            ApiError: the token is refused.
        """
        key = (tenant, card.line, card.model, card.version)
        if time.monotonic() - self._refused.get(key, float("-inf")) < REREAD_S:
            return None
        if key not in self._numbers:
            said = {name: value for name, value in asdict(card).items() if name not in _OWN}
            # JSON has no word for what is no number.
            said["metrics"] = {name: rounded(value) for name, value in card.metrics.items()}
            try:
                made = self.book.register_model(*key, card.sha256, said)
            except ApiError as error:
                passing(error, "version_unregistered", tenant=tenant, model=card.model, version=card.version)
                self._refused[key] = time.monotonic()
                return None
            self._numbers[key] = int(made["id"])
            # A line's first version is its champion from now on.
            self._read.pop(tenant, None)
        return self._numbers[key]

    def report(
        self, tenant: str, card: ModelCard, *, kind: str, level: str, moment: datetime,
        evidence: Mapping[str, Any],
    ) -> bool:  # fmt: skip
        """Tell the platform of a version; whether that is settled, be it that the report was refused.

        Raises:
            ApiError: the token is refused.
        """
        number = self.register(tenant, card)
        if number is None:
            return False
        try:
            self.book.report_model(tenant, number, kind, level, moment, evidence)
        except ApiError as error:
            passing(error, "report_untold", tenant=tenant, model=card.model, kind=kind)
            return 0 < error.status < _SERVER_ERROR
        return True


def passing(error: ApiError, what: str, **about: str) -> None:
    """Log what will be tried again; a refused token is no passing matter.

    Raises:
        ApiError: the token is refused.
    """
    if error.status == _TOKEN_REFUSED:
        raise error
    _log.warning(what, reason=str(error), **about)
