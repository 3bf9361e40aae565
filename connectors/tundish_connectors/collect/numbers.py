"""The tenant's numbers of the signals, kept on disk so that a gateway starts without the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, ValidationError

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.spool.files import Files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_connectors.delivery.protocol import Delivery
    from tundish_connectors.spool import Spool
    from tundish_platform.samples import SignalSpec

_log = structlog.get_logger(__name__)


class _Known(BaseModel):
    numbers: dict[str, int] = {}


class SignalNumbers:
    """Declares signals at the platform and remembers their numbers.

    Attributes:
        known: numbers by path, of this run and of earlier ones.
    """

    def __init__(self, source: str, delivery: Delivery, spool: Spool, path: Path) -> None:
        self._source = source
        self._delivery = delivery
        self._spool = spool
        self._path = path
        self._declared: set[SignalSpec] = set()
        try:
            self.known = _Known.model_validate_json(path.read_text()).numbers
        except (OSError, ValidationError, UnicodeDecodeError):
            self.known = {}

    def declare(self, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Numbers by path. With the platform out of reach, only of the signals it has numbered before.

        Raises:
            ConnectorError: the platform refuses, or is out of reach and knows none of the signals yet.
        """
        fresh = [spec for spec in specs if spec not in self._declared]
        if fresh:
            self._declare(fresh, some_known=any(one.path in self.known for one in specs))
        return {spec.path: self.known[spec.path] for spec in specs if spec.path in self.known}

    def _declare(self, fresh: Sequence[SignalSpec], *, some_known: bool) -> None:
        try:
            numbers = self._delivery.put_signals(self._source, fresh)
        except ConnectorError as error:
            if error.kind is not ErrorKind.RETRY or not some_known:
                raise
            _log.warning("signals could not be declared; known numbers are used", reason=error.message_en)
            return
        self._refuse_changed(numbers)
        self.known.update(numbers)
        Files().replace_text(self._path, _Known(numbers=self.known).model_dump_json())
        self._declared.update(fresh)

    def _refuse_changed(self, numbers: dict[str, int]) -> None:
        """Data in the spool carries the old numbers: delivering it under new ones would mix signals up."""
        changed = [path for path, number in numbers.items() if self.known.get(path, number) != number]
        if changed and self._spool.wait(0):
            raise ConnectorError(
                ErrorKind.FATAL,
                f"The platform numbers {len(changed)} signals differently than before (such as "
                f"{changed[0]}), while data with the old numbers waits in the spool. Restore the platform's "
                "database, or move the spool folder away to give that data up.",
                f"平台对 {len(changed)} 个信号的编号与之前不同(例如 {changed[0]}),"
                "而本地缓存中仍有旧编号的数据。"
                "请恢复平台数据库,或移走缓存目录以放弃这些数据。",
            )
