"""Which part of a shared log a tenant's records go to."""

from __future__ import annotations

import hashlib


def partition_of(tenant: int, partitions: int) -> int:
    """The tenant's partition: the same in every process, release and machine.

    The number of partitions is chosen once; with another number tenants would change places and their
    records lie in two of them.

    Args:
        tenant: row number of the tenant.
        partitions: how many there are.
    """
    digest = hashlib.blake2b(tenant.to_bytes(8, "little"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % partitions
