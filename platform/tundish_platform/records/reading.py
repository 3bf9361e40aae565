"""The one way to records: a scope narrowed to the kind, the fields agreed to, and the days asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.marketplace.records.answers import newest_answers
from tundish_platform.records.handling import alarm_days, maintenance
from tundish_platform.records.products import product_events
from tundish_platform.records.usage import usage
from tundish_platform.sdk import RecordKind, record_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    import pyarrow as pa
    from sqlalchemy.orm import Session

    from tundish_platform.sdk import RecordWish
    from tundish_platform.tenancy import TenantScope

    Row = dict[str, Any]
    Read = Callable[[Session, TenantScope, "Reading"], Sequence[Row]]

MAX_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read.

    Attributes:
        app: whose records; answers are told apart by it.
        wish: as the manifest says it.
        now: rows lie before it.
    """

    app: str
    wish: RecordWish
    now: datetime

    @property
    def since(self) -> datetime:
        """From when on."""
        return self.now - timedelta(days=self.wish.days)


_READS: Final[dict[RecordKind, Read]] = {
    RecordKind.PRODUCT_EVENTS: lambda session, scope, asked: product_events(
        session, scope, asked.since, asked.now, MAX_ROWS
    ),
    RecordKind.ALARMS: lambda session, scope, asked: alarm_days(session, scope, asked.since, asked.now),
    RecordKind.MAINTENANCE: lambda session, scope, asked: maintenance(
        session, scope, asked.since, asked.now, MAX_ROWS
    ),
    RecordKind.USAGE: lambda session, scope, asked: usage(session, scope, asked.since, asked.now),
    RecordKind.ANSWERS: lambda session, scope, asked: newest_answers(session, scope, asked.app),
}


def read_records(session: Session, scope: TenantScope, asked: Reading, fields: Collection[str]) -> pa.Table:
    """The records of one kind, at most `MAX_ROWS`, the newest where there are more.

    Args:
        session: of the metadata database.
        scope: narrowed to the kind by `tundish_platform.marketplace.records.records_scope`.
        asked: what is read.
        fields: that were agreed to; the others stay empty.

    Raises:
        AccessDenied: the scope was not narrowed to this kind.
        KeyError: the kind is made from more than this tenant, see `tundish_platform.records.peers`.
    """
    kind = asked.wish.kind
    scope.require_records(kind.value)
    return record_table(kind, _READS[kind](session, scope, asked)[-MAX_ROWS:], fields)
