"""Where backups lie: a folder of sealed chunks, each once, and a manifest for each backup.

``tundish-backups.json`` says what the folder is; ``chunks/<2>/<name>`` holds content;
``backups/<name>.backup`` is a manifest, written last: without it there is no backup.
What is half-written lies in ``new``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from tundish_deploy.backups.sealing import Damaged, KeyUnusable, NewerFormat
from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from tundish_deploy.backups.sealing import BackupKey

FORMAT: Final = 1
CHUNK: Final = 4 * 1024 * 1024
SMALL_CHUNK: Final = 256 * 1024
"""For files of which a part changes: unchanged parts are not stored again."""

_HEAD: Final = "tundish-backups.json"
_SUFFIX: Final = ".backup"
_CHECK: Final = "check"


class PlaceUnusable(Exception):  # noqa: N818 - says what the folder is
    """The folder holds no backups, or something else."""


class PlaceInUse(Exception):  # noqa: N818 - the state of the folder
    """Another process makes or removes backups there."""


class Chunk(NamedTuple):
    """A piece of content: its name, and its size as it is stored."""

    name: str
    stored: int


class Content(BaseModel):
    """A file's bytes.

    Attributes:
        bytes: how many.
        sha256: of all of them.
        chunks: where they lie, in order.
    """

    model_config = ConfigDict(extra="forbid")

    bytes: int
    sha256: str
    chunks: list[Chunk]


class BackupPlace:
    """The folder. Writing it needs `alone`.

    Args:
        folder: made by `make`.
        key: of all its backups.

    Raises:
        PlaceUnusable: there is no such folder, or it is of something else.
        NewerFormat: a later version made it.
        KeyUnusable: its backups were made with another key.
    """

    def __init__(self, folder: Path, key: BackupKey) -> None:
        self.folder = folder
        self._key = key
        self._files = LocalFiles()
        self.written = 0
        try:
            head = json.loads((folder / _HEAD).read_text("utf-8"))
            form, check = head["format"], bytes.fromhex(head[_CHECK])
        except FileNotFoundError as error:
            raise PlaceUnusable(f"{folder} holds no backups of Tundish") from error
        except (ValueError, KeyError, TypeError) as error:
            raise PlaceUnusable(f"{folder / _HEAD} cannot be read: {error}") from error
        if form != FORMAT:
            raise NewerFormat(
                f"{folder} was made by a later version (format {form}, this one reads {FORMAT})"
            )
        try:
            key.open(_CHECK, check)
        except Damaged as error:
            raise KeyUnusable(f"the backups in {folder} were made with another key") from error

    @classmethod
    def make(cls, folder: Path, key: BackupKey) -> BackupPlace:
        """The folder, made if it is not there.

        Raises:
            PlaceUnusable: there are other files in it.
        """
        if not (folder / _HEAD).exists():
            if folder.is_dir() and any(folder.iterdir()):
                raise PlaceUnusable(f"{folder} is not empty and holds no backups; name another folder")
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            head = {"format": FORMAT, _CHECK: key.seal(_CHECK, _CHECK.encode()).hex()}
            new = folder / f"{_HEAD}.new"
            new.write_text(json.dumps(head), "utf-8")
            LocalFiles().sync(new)
            LocalFiles().rename(new, folder / _HEAD)
            LocalFiles().sync_folder(folder)
        return cls(folder, key)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Write to the folder; what another one left half-written is swept away first.

        Raises:
            PlaceInUse: somebody does.
        """
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PlaceInUse(f"another process works in {self.folder}; wait for its end") from error
            for left in self._new().glob("*"):
                left.unlink()
            yield

    def put(self, data: bytes) -> Chunk:
        """Store bytes, unless they are there; durable when `settle` has returned."""
        name = self._key.name_of(data)
        path = self._chunk(name)
        try:
            return Chunk(name, path.stat().st_size)
        except FileNotFoundError:
            sealed = self._key.seal(name, data)
            self._write(path, sealed)
            self.written += len(sealed)
            return Chunk(name, len(sealed))

    def get(self, chunk: Chunk) -> bytes:
        """The bytes again.

        Raises:
            Damaged: they are missing, or not what was written.
        """
        try:
            sealed = self._chunk(chunk.name).read_bytes()
        except OSError as error:
            raise Damaged(f"chunk {chunk.name} cannot be read: {error.strerror}") from error
        data = self._key.open(chunk.name, sealed)
        if self._key.name_of(data) != chunk.name:
            raise Damaged(f"chunk {chunk.name} is not what was written")
        return data

    def has(self, content: Content) -> bool:
        """Whether all chunks are there, by name and size."""
        return all(self._size(chunk.name) == chunk.stored for chunk in content.chunks)

    def keep(self, file: BinaryIO, size: int | None = None, chunk: int = CHUNK) -> Content:
        """Store a file, or its first `size` bytes."""
        digest, chunks, total = hashlib.sha256(), [], 0
        while size is None or total < size:
            data = file.read(chunk if size is None else min(chunk, size - total))
            if not data:
                break
            digest.update(data)
            chunks.append(self.put(data))
            total += len(data)
        return Content(bytes=total, sha256=digest.hexdigest(), chunks=chunks)

    def keep_bytes(self, data: bytes) -> Content:
        """Store what is in memory."""
        chunks = [self.put(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
        return Content(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), chunks=chunks)

    def pieces(self, content: Content) -> Iterator[bytes]:
        """A file's bytes in order; the last piece only comes if all of them are what they were.

        Raises:
            Damaged: they are not.
        """
        digest, total = hashlib.sha256(), 0
        for number, chunk in enumerate(content.chunks, start=1):
            data = self.get(chunk)
            digest.update(data)
            total += len(data)
            if number == len(content.chunks) and (total, digest.hexdigest()) != (
                content.bytes,
                content.sha256,
            ):
                raise Damaged("a file's chunks are not those that were written")
            yield data
        if not content.chunks and content.bytes:
            raise Damaged("a file's chunks are missing")

    def read(self, content: Content) -> bytes:
        """All of a file."""
        return b"".join(self.pieces(content))

    def write_to(self, content: Content, target: Path) -> None:
        """Write a file out, durably."""
        self._files.make_folder(target.parent)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for data in self.pieces(content):
                file.write(data)
            file.flush()
            os.fsync(descriptor)

    def backups(self) -> list[str]:
        """Names of all backups, the oldest first."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self._manifests().glob(f"*{_SUFFIX}"))

    def manifest(self, name: str) -> dict[str, Any]:
        """What a backup says of itself.

        Raises:
            Damaged: it is missing, or not what was written.
            NewerFormat: a later version wrote it.
        """
        if name not in self.backups():
            raise Damaged(f"there is no backup {name} in {self.folder}")
        sealed = (self._manifests() / f"{name}{_SUFFIX}").read_bytes()
        found: dict[str, Any] = json.loads(self._key.open(name, sealed))
        if found["format"] != FORMAT:
            raise NewerFormat(f"backup {name} was written by a later version; restore with that version")
        return found

    def publish(self, name: str, manifest: dict[str, Any]) -> None:
        """Make a backup appear, whole; its chunks are durable before its name is."""
        self._sync_chunks()
        data = json.dumps({"format": FORMAT, **manifest}).encode()
        self._files.make_folder(self._manifests())
        self._write(self._manifests() / f"{name}{_SUFFIX}", self._key.seal(name, data))
        self._files.sync_folder(self._manifests())

    def forget(self, names: Iterable[str]) -> None:
        """Let backups go. Their chunks go with `sweep`."""
        for name in names:
            self._files.remove(self._manifests() / f"{name}{_SUFFIX}")
        self._files.sync_folder(self._manifests())

    def sweep(self, needed: set[str]) -> tuple[int, int]:
        """Remove chunks that nobody needs; returns how many, and their bytes."""
        count = size = 0
        for path in self.folder.glob("chunks/??/*"):
            if path.name not in needed:
                size += path.stat().st_size
                count += 1
                path.unlink()
        return count, size

    def put_aside(self, chunk: str) -> None:
        """Move a damaged chunk away, so that the next backup stores its content anew."""
        folder = self.folder / "damaged"
        self._files.make_folder(folder)
        path = self._chunk(chunk)
        if path.exists():
            path.replace(folder / chunk)

    def _chunk(self, name: str) -> Path:
        return self.folder / "chunks" / name[:2] / name

    def _manifests(self) -> Path:
        return self.folder / "backups"

    def _new(self) -> Path:
        folder = self.folder / "new"
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _size(self, name: str) -> int | None:
        try:
            return self._chunk(name).stat().st_size
        except OSError:
            return None

    def _write(self, path: Path, data: bytes) -> None:
        new = self._new() / secrets.token_hex(8)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.replace(path)

    def _sync_chunks(self) -> None:
        top = self.folder / "chunks"
        if top.is_dir():
            for folder in (*top.iterdir(), top):
                self._files.sync_folder(folder)
        self._files.sync_folder(self.folder)
