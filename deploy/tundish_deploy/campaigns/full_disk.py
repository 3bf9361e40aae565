"""A file system that is really full: the store in a small tmpfs beside a ballast that comes and goes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.client import Client
from tundish_deploy.campaigns.world import new_database, scopes_of
from tundish_deploy.logs import configure_logs
from tundish_platform.store import SealSettings, StoreFull, Telemetry
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE: Final = 6 * 1024 * 1024
_BALLAST: Final = 3 * 1024 * 1024
_CYCLES: Final = 6
_SENDS: Final = 20_000
_REFUSALS: Final = 3
# Own mounts need no rights on systems that allow user namespaces.
_MOUNT: Final = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


@dataclass
class FullDisk:
    """What came of it.

    Attributes:
        how: where the disk was.
        cycles: times it was full and got space again.
        lost: acknowledged rows.
        broken: promises, in words.
    """

    how: str
    cycles: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


def in_a_small_tmpfs(seed: str, cycles: int = _CYCLES) -> FullDisk:
    """Mount one in a namespace of its own and fill it; a system that refuses gives no cycles and says so."""
    with TemporaryDirectory() as folder:
        fill = [sys.executable, "-m", "tundish_deploy.campaigns.full_disk", folder, seed, str(cycles)]
        command = ["unshare", "-Urm", "sh", "-c", _MOUNT, "mount", str(_SIZE), folder, *fill]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - own command
        except FileNotFoundError:
            return FullDisk("none: there is no unshare")
    if done.returncode:
        return FullDisk(f"none: {done.stderr.strip()[-500:]}")
    return FullDisk(**json.loads(done.stdout))


def fill_and_free(folder: Path, seed: str, cycles: int) -> FullDisk:
    """Fill the file system of a folder, look, make space, go on; again and again."""
    result = FullDisk(f"tmpfs of {_SIZE} bytes, {_BALLAST} of them ballast")
    ballast = folder / "ballast"
    metadata = Metadata(f"sqlite:///{new_database(folder / 'metadata.sqlite')}")
    client = Client(scopes_of(), random.Random(seed))  # noqa: S311 - chance, not secrecy
    settings = SealSettings(seal_rows=10_000)
    store = Telemetry(folder / "store", metadata, settings=settings, background=False)
    with closing(metadata), closing(store) as telemetry:
        for _ in range(cycles):
            ballast.write_bytes(bytes(_BALLAST))
            _fill(telemetry, client, result)
            _look(telemetry, client, result, trouble=True)
            ballast.unlink()
            _tried(lambda: client.send(telemetry), result, "with space again an append")
            _tried(telemetry.seal, result, "with space again a seal")
            _look(telemetry, client, result, trouble=False)
            result.cycles += 1
    return result


def _fill(telemetry: Telemetry, client: Client, result: FullDisk) -> None:
    for _ in range(_SENDS):
        try:
            client.send(telemetry)
        except StoreFull:
            break
    else:
        result.broken.append(f"not full after {_SENDS} appends")
    for _ in range(_REFUSALS):
        try:
            client.send(telemetry)
        except StoreFull:
            continue
        except Exception as error:  # noqa: BLE001 - any other error is the finding
            result.broken.append(f"a full disk was told as {type(error).__name__}: {error}")
    state = telemetry.state()
    if state.ready and not state.problems:
        result.broken.append("on a full disk the state says that all is well")


def _tried(act: Callable[[], None], result: FullDisk, what: str) -> None:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - any error is the finding
        result.broken.append(f"{what} failed: {type(error).__name__}: {error}")


def _look(telemetry: Telemetry, client: Client, result: FullDisk, *, trouble: bool) -> None:
    found = client.check(telemetry, durable=False, trouble=trouble)
    result.lost += found.lost
    if found.total > found.lost:
        result.broken += found.words


if __name__ == "__main__":
    configure_logs("CRITICAL")
    print(json.dumps(asdict(fill_and_free(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))))  # noqa: T201 - for the parent
