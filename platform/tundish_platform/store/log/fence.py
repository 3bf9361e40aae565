"""Keeping a writer that lost its partition from committing, in the database's own transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Integer, column, insert, select, table, update

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# partition: primary key; token: of the newest holder that committed.
FENCE: Final = table("log_fence", column("partition", Integer), column("token", BigInteger))


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
    mine = FENCE.c.partition == partition
    moved = session.execute(update(FENCE).where(mine, FENCE.c.token <= token).values(token=token))
    if moved.rowcount == 1:  # type: ignore[attr-defined]  # an UPDATE's result counts rows
        return
    if session.execute(select(FENCE.c.token).where(mine)).first() is not None:
        raise StaleHolder(f"partition {partition} was taken over from holder {token}")
    session.execute(insert(FENCE).values(partition=partition, token=token))
