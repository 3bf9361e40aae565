"""The metadata database on that machine: SQLite itself, over a VFS whose unsynced writes are lost."""

from __future__ import annotations

import errno
import sqlite3
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import apsw
import apsw.ext
from sqlalchemy import create_engine, event
from sqlalchemy.orm import sessionmaker

from tundish_deploy.campaigns.machine import Machine, PowerLost
from tundish_platform.tenancy import metadata as real

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NUMBERS: Final = count()
_DESCRIPTIONS: Final[dict[str, tuple[Any, ...] | None]] = {}
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_JOURNALS: Final = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class MachineMetadata(real.Metadata):
    """`Metadata` as the platform sets it up, but over a `Machine`.

    Args:
        path: the database's file, already migrated.
        machine: counts, fails and loses its writes and syncs.
    """

    def __init__(self, path: Path, machine: Machine) -> None:  # super() would open the file past the machine
        vfs = _Vfs(f"campaign-{next(_NUMBERS)}", machine)
        module = SimpleNamespace(**vars(sqlite3))
        self.engine = create_engine(
            f"sqlite:///{path}", module=module, creator=lambda: _Connection(path, vfs), pool_pre_ping=True
        )
        event.listen(self.engine, "connect", real._prepare_sqlite)  # noqa: SLF001 - settings must be the real ones
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        # Single values come through the machine, too: a connection of its own would read past it.
        self._reading, self._quick = self.engine, None
        self._vfs = vfs

    def close(self) -> None:
        """Give all connections back."""
        super().close()
        self._vfs.unregister()


class _Vfs(apsw.VFS):
    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:  # noqa: N802 - SQLite's
        return _File(name, flags, self.machine)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        if not _fails(self.machine, "remove", Path(filename)):
            super().xDelete(filename, syncdir)
            if syncdir:
                self.machine.disk.sync_names(Path(filename).parent)


class _File(apsw.VFSFile):
    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], machine: Machine) -> None:
        super().__init__("", name, flags)
        filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._path = Path(filename or "temporary.sqlite")
        self._journal = bool(flags[0] & _JOURNALS)
        self._machine = machine

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: ANN401, N802 - a buffer; SQLite's name
        def half() -> None:
            super(_File, self).xWrite(bytes(data)[: len(data) // 2], offset)

        if not _fails(self._machine, "write", self._path, failed=half):
            super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        if not _fails(self._machine, "truncate", self._path):
            super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802 - SQLite's name
        """Nothing is really synced: the model of the disk only takes what is there."""
        disk = self._machine.disk
        if _fails(self._machine, "database-sync", self._path, failed=lambda: disk.revert(self._path)):
            return
        if "database-sync" not in self._machine.ignored:
            disk.sync_content(self._path)
            if self._journal:
                disk.sync_name(self._path)


def _fails(machine: Machine, operation: str, path: Path, failed: Callable[[], None] = lambda: None) -> bool:
    """Whether SQLite's operation must not happen and SQLite must not know; told failures are raised."""
    if machine.dead:
        return True
    try:
        number = machine.step(operation, path)
    except PowerLost:
        raise apsw.IOError("the power is gone") from None
    if number is not None:
        failed()
    try:
        return machine.report(number, path)
    except OSError as error:
        # As SQLite itself has it: whatever the reason, a failed sync is an error of its own.
        full = error.errno in _FULL and operation != "database-sync"
        kind = apsw.FullError if full else apsw.IOError
        raise kind(str(error)) from None


class _Connection:
    """As much of Python's `sqlite3.Connection` as SQLAlchemy needs, over APSW."""

    def __init__(self, path: Path, vfs: _Vfs) -> None:
        self.isolation_level: str | None = ""
        self.machine = vfs.machine
        self.raw = apsw.Connection(str(path), vfs=vfs.name)
        self.raw.set_busy_timeout(1000)

    def create_function(self, name: str, narg: int, function: Any, *, deterministic: bool = False) -> None:  # noqa: ANN401
        self.raw.create_scalar_function(name, function, narg, deterministic=deterministic)

    def cursor(self) -> _Cursor:
        return _Cursor(self)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> _Cursor:
        return self.cursor().execute(sql, values)

    def commit(self) -> None:
        if self.raw.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        self.raw.close()


class _Cursor:
    """As much of `sqlite3.Cursor`; all rows are taken at once."""

    arraysize = 1

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: tuple[Any, ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, sql: str, values: Sequence[Any] = ()) -> _Cursor:
        return self.executemany(sql, [values])

    def executemany(self, sql: str, many: Sequence[Sequence[Any]]) -> _Cursor:
        raw = self._connection.raw
        writing = sql.lstrip().upper().startswith(_WRITES)
        try:
            if writing and self._connection.isolation_level is not None and not raw.in_transaction:
                raw.execute("BEGIN")
            before = raw.total_changes()
            self.description = _description(raw, sql)
            self._rows = [row for values in many for row in raw.execute(sql, tuple(values))]
        except apsw.Error as error:
            raise _as_sqlite3(error, self._connection.machine) from error
        self.rowcount = raw.total_changes() - before if writing else -1
        self.lastrowid = raw.last_insert_rowid()
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        self._rows = []


def _description(raw: apsw.Connection, sql: str) -> tuple[Any, ...] | None:
    """DB-API's columns of a statement; APSW itself forgets them when there is no row."""
    if sql not in _DESCRIPTIONS:
        columns = apsw.ext.query_info(raw, sql).description
        _DESCRIPTIONS[sql] = tuple((name, *[None] * 6) for name, _ in columns) or None
    return _DESCRIPTIONS[sql]


def _as_sqlite3(error: apsw.Error, machine: Machine) -> BaseException:
    """What Python's own module would have raised."""
    if machine.dead:
        return PowerLost()
    kind = sqlite3.IntegrityError if isinstance(error, apsw.ConstraintError) else sqlite3.OperationalError
    told = kind(str(error))
    # Errors that this module raised itself have passed SQLite and come back without a code.
    own = apsw.SQLITE_FULL if isinstance(error, apsw.FullError) else apsw.SQLITE_IOERR
    told.sqlite_errorcode = getattr(error, "result", own) & 0xFF
    return told
