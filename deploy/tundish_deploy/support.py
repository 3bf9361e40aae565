"""The support bundle: how an installation stands, in a file that may be given away.

Nothing goes in because it looks harmless, only what is known to be: numbers, names of settings, words of our
own source. No text of a setting, a row, a sample or a log line that could be anybody's.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shutil
import sys
import zipfile
from collections import Counter, deque
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import sqlalchemy as sa
from pydantic import BaseModel

from tundish_platform.migrations import NewerDatabase, revision_of, waiting
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above, Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tundish_deploy.settings import Settings

FORMAT: Final = 1
_PACKAGES: Final = (
    "tundish", "alembic", "dash", "deltalake", "duckdb", "flask", "numpy", "pandas", "psycopg", "pyarrow",
    "pydantic", "scikit-learn", "scipy", "sqlalchemy", "structlog", "waitress",
)  # fmt: skip
_SOURCES: Final = (
    "tundish_platform", "tundish_connectors", "tundish_analytics", "tundish_dashboards", "tundish_deploy",
)  # fmt: skip
# Words out of fixed lists; every other text is only measured.
_SAFE: Final = frozenset({"log_level", "mode", "security"})
_LEVELS: Final = frozenset({"critical", "error", "warning", "info", "debug"})
_PARTS: Final = frozenset({"server", "writer", "worker", "apps", "jobs"})
_LINES: Final = 400
_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+), in ([\w<>.]+)')
_ERROR: Final = re.compile(
    r"^((?:[a-z_][a-z0-9_]*\.)*[A-Z][A-Za-z]*(?:Error|Exception|Warning|Interrupt))(?::|$)"
)
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-][\d:]+)?")
_WAIT_S: Final = 3.0


def write_bundle(settings: Settings, target: Path) -> dict[str, Any]:
    """Write the bundle; returns its parts.

    Args:
        settings: of the installation.
        target: a zip file that is not there.

    Raises:
        FileExistsError: it is.
    """
    parts: dict[str, Any] = {
        "bundle": {"format": FORMAT, "made_at": datetime.now(UTC).isoformat()},
        "versions": _versions(),
        "settings": told(settings),
        "environment": sorted(name for name in os.environ if name.startswith("TUNDISH_")),
        "database": _asked(lambda: _database(settings)),
        "disk": _asked(lambda: _disk(settings.data_dir)),
        "store": _asked(lambda: _store(settings)),
        "health": _asked(lambda: _health(settings)),
        "logs": _logs(settings.data_dir / "logs"),
    }
    with target.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(f"{name}.json", json.dumps(part, indent=1, ensure_ascii=False))
    return parts


def told(value: Any) -> Any:  # noqa: ANN401 - whatever a setting holds
    """A setting without its texts: numbers and switches as they are, of all else only that it is there."""
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return {
            name: one if name in _SAFE and isinstance(one, str) else told(one) for name, one in fields.items()
        }
    if isinstance(value, dict):
        return f"{len(value)} keys"
    if isinstance(value, (list, tuple)):
        return [told(one) for one in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Path):
        return "a path that exists" if value.exists() else "a path that is missing"
    return "set"


def known_events(packages: Iterable[str] = _SOURCES) -> frozenset[str]:
    """All texts that our own code logs, as they stand in the source."""
    found = set()
    for package in packages:
        spec = find_spec(package)
        for folder in spec.submodule_search_locations or [] if spec is not None else []:
            for path in Path(folder).rglob("*.py"):
                found |= set(_events(ast.parse(path.read_text("utf-8"))))
    return frozenset(found)


def bare_lines(lines: Iterable[str], events: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Log lines without anything that could be somebody's.

    Args:
        lines: of a log, whatever wrote them.
        events: texts that may be told.
    """
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            frames = _FRAME.findall(line)
            error = _ERROR.match(line)
            if frames or error:
                yield {"frames": _frames(line), "error": error[1] if error else None}
            continue
        yield _bare(entry, events)


def _bare(entry: dict[str, Any], events: frozenset[str]) -> dict[str, Any]:
    event, trace = entry.get("event"), str(entry.get("exception", ""))
    time = _TIME.fullmatch(str(entry.get("timestamp", "")))
    level, logger = entry.get("level"), str(entry.get("logger", ""))
    bare: dict[str, Any] = {
        "timestamp": time[0] if time else None,
        "level": level if level in _LEVELS else None,
        "event": event if isinstance(event, str) and event in events else "[not told]",
    }
    if find_logger(logger):
        bare["logger"] = logger
    if trace:
        bare["frames"] = _frames(trace)
        bare["error"] = next((m[1] for m in map(_ERROR.match, reversed(trace.splitlines())) if m), None)
    return bare


def find_logger(name: str) -> bool:
    """Whether a logger is named after a module of ours."""
    return name.split(".", maxsplit=1)[0] in _SOURCES and _is_module(name)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _frames(trace: str) -> list[str]:
    """Places in code, by the part of the path below a package's folder."""
    found = []
    for path, line, function in _FRAME.findall(trace):
        parts = Path(path).parts
        start = next((at for at, part in enumerate(parts) if part in _SOURCES), None)
        found.append(f"{'/'.join(parts[start:])}:{line} {function}" if start is not None else "elsewhere")
    return found


def _events(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {*_LEVELS, "exception"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            yield node.args[0].value


def _asked(ask: Any) -> Any:  # noqa: ANN401 - a part of the bundle
    """A part, or that it could not be had; the error's text may quote anything."""
    try:
        return ask()
    except (OSError, sa.exc.SQLAlchemyError, httpx.HTTPError, NewerDatabase, ValueError) as error:
        return {"unavailable": type(error).__name__}


def _versions() -> dict[str, Any]:
    found: dict[str, Any] = {"python": sys.version.split()[0], "system": platform.system()}
    found |= {"release": platform.release(), "machine": platform.machine(), "cores": os.cpu_count()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _database(settings: Settings) -> dict[str, Any]:
    url = sa.make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return {"unavailable": "no database"}
    metadata = Metadata(settings.database)
    try:
        with metadata.engine.begin() as connection:
            found: dict[str, Any] = {
                "dialect": connection.dialect.name,
                "server": ".".join(str(part) for part in connection.dialect.server_version_info or ()),
                "revision": revision_of(connection),
                "waiting": [revision for revision, _ in waiting(connection)],
            }
            if connection.dialect.name == "postgresql":
                Reach(above=Above.OPERATOR).set(connection)
            names = [name for name in sa.inspect(connection).get_table_names() if "search" not in name]
            found["rows"] = {
                name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name)))
                for name in sorted(names)
            }
            return found
    finally:
        metadata.close()


def _disk(folder: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(folder)
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            # The first two steps have fixed names; below them come tenants and connections.
            kind = path.relative_to(folder).parts[0] if path.parent != folder else "files"
            sizes[kind] += path.stat().st_size
            files[kind] += 1
    known = {"store", "logs", "models", "apps", "edge", "cache", "scratch", "files"}
    return {
        "total": usage.total, "free": usage.free,
        "bytes": {name: size for name, size in sizes.items() if name in known},
        "files": {name: count for name, count in files.items() if name in known},
    }  # fmt: skip


def _store(settings: Settings) -> dict[str, Any]:
    from tundish_platform.store.remote.client import RemoteTelemetry

    if settings.store.mode == "cluster":
        return {"mode": "cluster"}
    metadata = Metadata(settings.database)
    try:
        remote = RemoteTelemetry(settings.data_dir / "store", metadata.above(Above.STORE), answer_s=_WAIT_S)
        try:
            state = remote.state().as_dict()
        finally:
            remote.close()
    finally:
        metadata.close()
    # Problems name files, and these tenants.
    return state | {"problems": len(state["problems"])}


def _health(settings: Settings) -> dict[str, Any]:
    answer = httpx.get(f"{settings.server.url}/api/v1/health", timeout=_WAIT_S)
    return {"status": answer.status_code}


def _logs(folder: Path) -> dict[str, Any]:
    events = known_events()
    found: dict[str, Any] = {}
    for number, path in enumerate(sorted(folder.glob("*.log"))):
        # A collector's log has the name of its connection.
        part = path.stem if path.stem.split("-")[0] in _PARTS else f"part-{number}"
        with path.open(encoding="utf-8", errors="replace") as file:
            found[part] = list(bare_lines(deque(file, _LINES), events))
    return found
