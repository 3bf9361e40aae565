from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tundish_platform.store.log.fence import StaleHolder, guard
from tundish_platform.store.log.hold import HeldElsewhere, Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from tundish_platform.store.log.link import NatsLink
    from tundish_platform.store.testing.nodes import NatsNodes

CHILD = Path(__file__).with_name("holder_process.py")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'fence.sqlite'}")
    with Session(engine) as session, session.begin():
        session.execute(text("CREATE TABLE log_fence (partition INTEGER PRIMARY KEY, token BIGINT NOT NULL)"))
        session.execute(text("CREATE TABLE done (token BIGINT)"))
    yield engine
    engine.dispose()


def commit(database: Engine, partition: int, token: int) -> None:
    with Session(database) as session, session.begin():
        guard(session, partition, token)
        session.execute(text("INSERT INTO done VALUES (:token)"), {"token": token})


def committed(database: Engine) -> list[int]:
    with Session(database) as session:
        return [row[0] for row in session.execute(text("SELECT token FROM done ORDER BY rowid"))]


@pytest.mark.integration
def test_one_holds_and_the_next_gets_it_when_it_is_given_back(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    with Hold(new_link(), partition, "first", lease_s=30) as first:
        assert first.held
        with pytest.raises(HeldElsewhere, match="first"):
            Hold(new_link(), partition, "second", lease_s=30)
        Hold(new_link(), partition + 1_000_000, "another partition").give_back()
    assert not first.held
    second = Hold(new_link(), partition, "second", lease_s=30)
    assert second.token > first.token
    second.give_back()


@pytest.mark.integration
def test_of_many_that_try_one_wins(new_link: Callable[[], NatsLink], partition: int) -> None:
    links = [new_link() for _ in range(6)]

    def take(link: NatsLink) -> Hold | None:
        try:
            return Hold(link, partition, "x", lease_s=30)
        except HeldElsewhere:
            return None

    with ThreadPoolExecutor(6) as pool:
        holds = [hold for hold in pool.map(take, links) if hold is not None]
    assert len(holds) == 1
    holds[0].give_back()


@pytest.mark.integration
def test_every_beat_prolongs_the_hold(new_link: Callable[[], NatsLink], partition: int) -> None:
    hold = Hold(new_link(), partition, "first", lease_s=60, beat_s=0.02)
    begun, end = hold._alive_until, time.monotonic() + 60
    while hold._revision < hold.token + 5 and time.monotonic() < end:
        time.sleep(0.02)
    assert hold._revision >= hold.token + 5
    assert hold._alive_until > begun
    with pytest.raises(HeldElsewhere):
        Hold(new_link(), partition, "second", lease_s=60)
    hold.give_back()


@pytest.mark.integration
def test_a_killed_holder_is_followed(
    one_node: NatsNodes, new_link: Callable[[], NatsLink], partition: int
) -> None:
    command = [sys.executable, str(CHILD), one_node.urls[0], str(partition), "1.0"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        token = int(child.stdout.readline())
        child.kill()
        hold = Hold(new_link(), partition, "second", lease_s=1.0, wait_s=60)
        assert hold.token > token
        hold.give_back()
    finally:
        child.kill()
        child.communicate()


@pytest.mark.integration
def test_a_holder_that_was_stopped_gives_up_before_another_takes_it_and_cannot_commit(
    new_link: Callable[[], NatsLink], partition: int, database: Engine
) -> None:
    first = Hold(new_link(), partition, "first", lease_s=1.0)
    commit(database, partition, first.token)
    first._beating.cancel()
    second = Hold(new_link(), partition, "second", lease_s=1.0, wait_s=60)
    assert not first.held
    with Session(database) as session, session.begin():
        guard(session, partition, second.token)
    with pytest.raises(StaleHolder):
        commit(database, partition, first.token)
    commit(database, partition, second.token)
    second.give_back()
    assert committed(database) == [first.token, second.token]


@pytest.mark.integration
def test_a_holder_whose_partition_was_taken_learns_it(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    link = new_link()
    first = Hold(link, partition, "first", lease_s=60, beat_s=0.05)
    # As if its lease had run out while it was stopped: somebody else writes the key.
    link.run(first._table.put(first._key, b'{"holder": "second", "token": 0, "free": false}'))
    assert first.lost.wait(60)
    assert not first.held


def test_control_without_the_fence_a_stale_holder_commits(database: Engine) -> None:
    with Session(database) as session, session.begin():
        guard(session, 1, 9)
    with Session(database) as session, session.begin():
        session.execute(text("INSERT INTO done VALUES (3)"))
    assert committed(database) == [3]


def test_the_fence_lets_only_rising_tokens_through(database: Engine) -> None:
    for token, fits in ((5, True), (5, True), (4, False), (8, True), (5, False), (8, True)):
        if fits:
            commit(database, 1, token)
        else:
            with pytest.raises(StaleHolder):
                commit(database, 1, token)
    commit(database, 2, 1)
    assert committed(database) == [5, 5, 8, 8, 1]
