"""Power cuts at any file operation of the spool, on the simulated disk of the store's campaigns."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tundish_connectors.delivery.lanes import Lanes
from tundish_connectors.spool import Spool
from tundish_connectors.spool.files import Files
from tundish_deploy.campaigns.disk import Disk
from tundish_deploy.campaigns.machine import Machine, PowerLost, sync_content

if TYPE_CHECKING:
    from pathlib import Path


class MachineSpoolFiles(Files):
    """The spool's file operations on the simulated machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._paths: dict[int, Path] = {}

    def _step(self, operation: str, path: Path) -> None:
        self._machine.report(self._machine.step(operation, path), path)

    def open_segment(self, path: Path) -> int:
        self._step("open", path)
        descriptor = super().open_segment(path)
        self._paths[descriptor] = path
        return descriptor

    def open_fresh(self, path: Path) -> int:
        self._step("open", path)
        descriptor = super().open_fresh(path)
        self._paths[descriptor] = path
        return descriptor

    def close(self, descriptor: int) -> None:
        self._paths.pop(descriptor, None)
        super().close(descriptor)

    def close_all(self) -> None:
        for descriptor in list(self._paths):
            self.close(descriptor)

    def write(self, descriptor: int, data: bytes) -> None:
        self._step("write", self._paths[descriptor])
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        sync_content(self._machine, "sync", self._paths[descriptor])

    def truncate(self, descriptor: int, size: int) -> None:
        self._step("truncate", self._paths[descriptor])
        super().truncate(descriptor, size)

    def rename(self, path: Path, new: Path) -> None:
        self._step("rename", new)
        super().rename(path, new)
        self._machine.disk.renamed(path, new)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        super().remove(path)

    def sync_directory(self, directory: Path) -> None:
        self._step("sync-folder", directory)
        if "sync-folder" not in self._machine.ignored:
            self._machine.disk.sync_names(directory)


class Episode:
    """One spool through cuts; ``promised`` are payloads whose append returned."""

    def __init__(self, root: Path, seed: int, ignored: frozenset[str]) -> None:
        self.chance = random.Random(f"spool-{seed}")  # noqa: S311 - chance, not secrecy
        self.root = root
        self.ignored = ignored
        self.promised: list[bytes] = []
        self.received: set[bytes] = set()
        self.alarms = 0
        self.places: Counter[str] = Counter()
        root.mkdir()
        self.disk = Disk(root, self.chance)
        self.disk.settle()
        self.count = 0

    def run(self, machine: Machine) -> None:
        files = MachineSpoolFiles(machine)
        try:
            self._use(files)
        finally:
            files.close_all()

    def _use(self, files: Files) -> None:
        packed = self.chance.random() < 0.5
        spool = Spool(self.root, max_bytes=100_000, segment_bytes=3000, compress=packed, files=files)
        # The position is kept each second; here it shall be kept often.
        spool._position_kept = -1e9
        lanes = Lanes(spool, 1500)
        self.alarms += len(spool.quarantined)
        for _ in range(60):
            if self.chance.random() < 0.6:
                group = [self._payload() for _ in range(self.chance.randint(1, 5))]
                spool.append(group)
                self.promised += group
            elif (load := lanes.next()).records:
                self.received |= {record.payload for record in load.records}
                lanes.delivered(load)
                spool._position_kept = -1e9

    def _payload(self) -> bytes:
        self.count += 1
        filling = self.chance.randbytes(8) * self.chance.randint(1, 60)
        return f"{self.count}:".encode() + filling

    def lost(self) -> set[bytes]:
        """Payloads that were promised and are neither at the platform nor in the spool."""
        spool = Spool(self.root, max_bytes=100_000, segment_bytes=3000)
        self.alarms += len(spool.quarantined)
        position = spool.position
        kept = spool.read(10**9, until=position.ahead_after or 2**63, limit=10**9)
        if position.ahead_after:
            kept += spool.read(10**9, after=position.ahead, limit=10**9)
        numbers = [record.number for record in kept]
        assert numbers == sorted(set(numbers))
        spool.close()
        return set(self.promised) - self.received - {record.payload for record in kept}


def until_dark(episode: Episode, machine: Machine) -> None:
    try:
        while True:
            episode.run(machine)
    except PowerLost:
        return


def cut_often(folder: Path, seed: int, ignored: frozenset[str] = frozenset(), cuts: int = 8) -> Episode:
    episode = Episode(folder, seed, ignored)
    for _ in range(cuts):
        machine = Machine(episode.disk, episode.chance.randint(1, 150), ignored)
        until_dark(episode, machine)
        episode.places += machine.places
        episode.disk.cut(worst=bool(ignored))
        if episode.lost():
            break
        episode.disk.settle()
    episode.disk.close()
    return episode


def test_a_power_cut_before_any_operation_loses_nothing_and_raises_no_alarm(tmp_path: Path) -> None:
    places: Counter[str] = Counter()
    for seed in range(12):
        episode = cut_often(tmp_path / str(seed), seed)
        assert not episode.lost()
        assert episode.alarms == 0
        places += episode.places
    assert {"write seg", "sync seg", "sync-folder folder", "open seg"} <= set(places)


@pytest.mark.parametrize("ignored", ["sync", "sync-folder"])
def test_the_model_notices_a_spool_that_does_not_sync(tmp_path: Path, ignored: str) -> None:
    lost = [cut_often(tmp_path / str(seed), seed, frozenset({ignored})).lost() for seed in range(3)]
    assert all(lost)
