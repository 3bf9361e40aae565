from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.store.log import envelope
from tundish_platform.store.log.jetstream import JetStreamLog
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.log.records import LogRecord
from tundish_platform.store.testing.kills import Acknowledged, KillTrial, check, journalled
from tundish_platform.store.testing.nodes import NatsNodes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class HastyLog(JetStreamLog):
    """Acknowledges what it has sent, as a client would that does not wait for the majority."""

    def append(self, tenant: int, payloads: Sequence[bytes], **_: Any) -> Sequence[int]:  # noqa: ANN401
        message = envelope.pack([(tenant, payload) for payload in payloads])
        self._link.run(self._link.client.publish("tundish.log.0", message))
        self._link.run(self._link.client.flush())
        self._sent = getattr(self, "_sent", 1) + 1
        return [self._sent * envelope.SLOTS + place for place in range(len(payloads))]


@pytest.mark.integration
def test_what_was_acknowledged_survives_killed_servers_and_writers(tmp_path: Path) -> None:
    findings = KillTrial(tmp_path, seed=7, progress=60).run(rounds=1)
    assert findings.sound, findings
    assert findings.acknowledged >= 6 * 60 * 3


@pytest.mark.integration
def test_control_acknowledging_before_the_majority_answered_loses_records(tmp_path: Path) -> None:
    with NatsNodes(tmp_path, 3) as nodes:
        link = NatsLink(nodes.urls)
        log = HastyLog(link, 0)
        JetStreamLog.append(log, 1, [b"0"])
        leader = nodes.leader(log.stream)
        link.close()
        others = [index for index in range(3) if index != leader]
        for index in others:
            nodes.kill(index)
        # Straight to the one that is left: the majority that has to answer is dead.
        alone = NatsLink([nodes.urls[leader]])
        log._link = alone
        promised = [Acknowledged(1, n, log.append(1, [b"%d" % n])[0]) for n in range(1, 11)]
        nodes.kill(leader)
        alone.close()
        for index in others:
            nodes.start(index)
        fresh = NatsLink([nodes.urls[index] for index in others])
        findings = check(promised, JetStreamLog(fresh, 0, patience_s=60).replay())
        fresh.close()
    assert findings.lost == promised
    assert not findings.sound


def test_the_check_finds_each_kind_of_broken_promise() -> None:
    promised = [Acknowledged(1, n, 10 * n) for n in range(1, 6)]
    records = [LogRecord(10 * n, 1, b"%d" % n) for n in range(1, 6)]
    unpromised = LogRecord(60, 1, b"6")
    assert check(promised, [*records, unpromised]).sound
    assert check(promised, records[:2] + records[3:]).lost == [promised[2]]
    assert check(promised, [*records, LogRecord(70, 1, b"2")]).repeated == [(1, 2)]
    moved = [*records[:1], LogRecord(25, 1, b"2"), *records[2:]]
    assert check(promised, moved).lost == [promised[1]]
    assert check([promised[1], promised[0]], records).disordered == [promised[0]]


def test_a_journal_line_cut_by_a_kill_was_told_to_nobody(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    assert list(journalled(journal)) == []
    journal.write_text("1 2 3\n1 3")
    assert list(journalled(journal)) == [Acknowledged(1, 2, 3)]
