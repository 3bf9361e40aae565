"""A writer process and two servers on PostgreSQL; first the writer is killed, then the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cluster, Installation

pytestmark = pytest.mark.integration


def test_writer_and_postgresql_fall_and_nothing_acknowledged_is_lost(
    install: Callable[..., Installation], postgres: Cluster
) -> None:
    database = postgres.url(postgres.new_database())
    platform = install(metadata_url=database, store={"mode": "writer"}, server={"processes": 2})
    platform.start()
    counter = platform.counter()
    platform.progress()

    platform.kill("writer")
    platform.progress()
    with postgres.stopped():
        platform.refusal()
    platform.progress()

    # Whoever is refused is told to come again, and no process falls with the database.
    assert {error.status for error in counter.refusals} == {503}
    platform.check()
    assert platform.supervisor.restarts() == {"writer": 1, "server": 0, "server-2": 0}
