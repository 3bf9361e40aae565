"""Keeping a writer that lost its partition from committing, in the database's own transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.store.log.partitions import partition_of
from tundish_platform.tenancy.metadata import Base

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class LogFence(Base):
    """The newest holder of each partition that committed.

    Attributes:
        partition: of the log; it has many tenants' records, so that the row belongs to none of them.
        token: of the holder.
    """

    __tablename__ = "log_fence"

    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[int] = mapped_column(BigInteger)


class StaleHolder(Exception):  # noqa: N818 - the state of the caller
    """A newer holder of the partition has committed: what is buffered here is its business now."""


def guard(session: Session, partition: int, token: int) -> None:
    """Let a transaction commit only while no newer holder of the partition has been here.

    Must stand before the transaction's other statements: the row stays locked until its end, so that the
    order of the tokens is the order of the commits. A new holder calls it once, in a transaction of its own,
    before it reads how far the manifest reaches: the old one cannot commit behind its back any more.

    Args:
        session: of the transaction.
        partition: whose records are committed.
        token: of the caller's hold.

    Raises:
        StaleHolder: the caller lost the partition; the transaction must not be committed.
    """
    mine = LogFence.partition == partition
    moved = session.execute(update(LogFence).where(mine, LogFence.token <= token).values(token=token))
    if moved.rowcount == 1:  # type: ignore[attr-defined]  # an UPDATE's result counts rows
        return
    if session.execute(select(LogFence.token).where(mine)).first() is not None:
        raise StaleHolder(f"partition {partition} was taken over from holder {token}")
    session.execute(insert(LogFence).values(partition=partition, token=token))


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a store that one of several writers has.

    Attributes:
        partition: whose tenants.
        partitions: how many there are.
        token: of the writer's hold.
    """

    partition: int
    partitions: int
    token: int

    def has(self, tenant: int) -> bool:
        """Whether a tenant is among them."""
        return partition_of(tenant, self.partitions) == self.partition

    def guard(self, session: Session) -> None:
        """See `guard`."""
        guard(session, self.partition, self.token)
