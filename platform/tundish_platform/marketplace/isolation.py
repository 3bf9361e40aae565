"""Command lines of a confined interpreter: bubblewrap where it works, a plain process where it does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa
import pydantic

import tundish_platform
from tundish_platform.sdk.confine import filter_available
from tundish_platform.sdk.forkserver import APP_PLACE

if TYPE_CHECKING:
    from collections.abc import Mapping

Isolation = Literal["bubblewrap", "process"]

# One thread per library, because threads of many apps at once would fight; no plug-ins looked up on disk.
ENVIRONMENT: Final = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDANTIC_DISABLE_PLUGINS": "1",
}

_CODE, _LIBRARIES = "/opt/tundish", "/opt/libraries"
_START = (
    "import sys; sys.path[:0] = sys.argv[1].split(':');"
    "from tundish_platform.sdk.worker import main; main(sys.argv[2:])"
)
_FORK_START = (
    "import sys; sys.path[:0] = sys.argv[1].split(':');"
    "from tundish_platform.sdk.forkserver import main; main(int(sys.argv[2]), sys.argv[3:])"
)
# What several apps import, loaded once, before there is anybody's data. Arrow itself looks for pandas.
_LOADED_FIRST: Final = (
    "pyarrow.compute", "pandas", "scipy.stats", "tundish_analytics.spc", "tundish_analytics.oee",
)  # fmt: skip
_NAME_SPACES = (
    "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--disable-userns",
    "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "app",
    "--proc", "/proc", "--dev", "/dev", "--size", "16777216", "--tmpfs", "/tmp", "--chdir", "/tmp",  # noqa: S108 - a place inside the sandbox
)  # fmt: skip


@lru_cache(maxsize=1)
def bubblewrap() -> str | None:
    """Path of a bubblewrap that can make name spaces here, found out by making some; None without one."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    trial = [program, *_NAME_SPACES, *_system(), "--", _interpreter(), "-I", "-S", "-c", "pass"]
    done = subprocess.run(trial, env={}, capture_output=True, timeout=20, check=False)  # noqa: S603 - fixed words
    return program if done.returncode == 0 else None


def confined_command(app: Path, arguments: list[str], isolation: Isolation) -> list[str]:
    """The command that runs the SDK's worker over the app in folder ``app``.

    Args:
        app: folder of the app's package.
        arguments: of `tundish_platform.sdk.worker.main`.
        isolation: with bubblewrap or without.

    Raises:
        RuntimeError: bubblewrap was asked for and does not work here.
    """
    if isolation == "process":
        places = [app.parent, *(source.parent for source in _packages().values()), *_libraries()]
        return [*_python(_START), ":".join(dict.fromkeys(map(str, places))), *arguments]
    program = bubblewrap()
    if program is None:
        raise RuntimeError("bubblewrap is not installed or may not make name spaces here")
    return [*_walls(program, app), "--", *_python(_START), _paths(), *arguments]


def forkserver_command(control: int) -> list[str]:
    """The command that starts `tundish_platform.sdk.forkserver`; requests come in by descriptor `control`.

    It may make name spaces for its children, within those that it has; user name spaces are not among them.

    Raises:
        RuntimeError: bubblewrap does not work here.
    """
    program = bubblewrap()
    if program is None:
        raise RuntimeError("bubblewrap is not installed or may not make name spaces here")
    rights = ["--cap-add", "CAP_SYS_ADMIN", "--dir", APP_PLACE, "--remount-ro", "/"]
    return [*_walls(program), *rights, "--", *_python(_FORK_START), _paths(), str(control), *_LOADED_FIRST]


def best_isolation() -> tuple[Isolation, bool]:
    """The strongest isolation there is here, and whether the system call filter is known for this machine."""
    return ("bubblewrap" if bubblewrap() else "process"), filter_available()


def _walls(program: str, app: Path | None = None) -> list[str]:
    binds = _binds({**_library_places(), **_code(app)})
    settings = [word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value)]
    return [program, *_NAME_SPACES, *_system(), *settings, *binds]


def _python(start: str) -> list[str]:
    return [_interpreter(), "-I", "-S", "-B", "-c", start]


def _library_places() -> dict[str, Path]:
    return {f"{_LIBRARIES}/{number}": source for number, source in enumerate(_libraries())}


def _paths() -> str:
    return ":".join([_CODE, *_library_places()])


def _interpreter() -> str:
    return str(Path(sys.executable).resolve())


def _packages() -> dict[str, Path]:
    """Folders of our own packages that apps may import."""
    own = {"tundish_platform": Path(next(iter(tundish_platform.__path__)))}
    analytics = find_spec("tundish_analytics")
    if analytics is not None and analytics.origin is not None:
        own["tundish_analytics"] = Path(analytics.origin).parent
    return own


def _code(app: Path | None) -> dict[str, Path]:
    """Where code lies in the sandbox: of the platform ground floor and SDK only, and one app or none."""
    binds = {f"{_CODE}/{name}": source for name, source in _packages().items() if name != "tundish_platform"}
    ground = _packages()["tundish_platform"]
    for part in ("__init__.py", "samples", "sdk"):
        binds[f"{_CODE}/tundish_platform/{part}"] = ground / part
    return {**binds, f"{_CODE}/{app.name}": app} if app else binds


def _libraries() -> list[Path]:
    """Folders that third-party libraries were installed to."""
    files = (np.__file__, pa.__file__, pydantic.__file__)
    return list(dict.fromkeys(Path(file).resolve().parents[1] for file in files))


def _system() -> list[str]:
    """Binds of the interpreter and the C libraries, and nothing else of the system."""
    wanted = ["/usr/lib", "/usr/lib64", "/usr/share/zoneinfo"]
    prefix = Path(sys.base_prefix).resolve()
    wanted.append(_interpreter() if prefix == Path("/usr") else str(prefix))
    words = _binds({place: Path(place) for place in wanted if Path(place).exists()})
    for name in ("lib", "lib64"):
        place = Path("/", name)
        if place.is_symlink():
            words += ["--symlink", f"usr/{name}", str(place)]
        elif place.exists():
            words += ["--ro-bind", str(place), str(place)]
    return words


def _binds(places: Mapping[str, Path]) -> list[str]:
    return [word for inside, outside in places.items() for word in ("--ro-bind", str(outside), inside)]
