"""Segments in an object store that speaks S3."""

from __future__ import annotations

import errno
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.fs
import structlog

from tundish_platform.store.objects import Fault, ObjectsFailed, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from tundish_platform.store.objects_cache import ObjectCache

    _Answer = TypeVar("_Answer")

log = structlog.get_logger(__name__)

# pyarrow's size of a part of an upload.
_PART_BYTES: Final = 10 * 1024 * 1024
_CHUNK_BYTES: Final = 4 * 1024 * 1024
_FULL: Final = re.compile(
    r"InsufficientStorage|QuotaExceeded|StorageFull|HTTP (?:status|response code).{0,4}507", re.IGNORECASE
)
_PASSING: Final = re.compile(
    r"NETWORK_CONNECTION|SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|REQUEST_TIMEOUT|THROTTLING"
    r"|REQUEST_TIME_TOO_SKEWED|HTTP (?:status|response code).{0,4}(?:429|5\d\d)|curlCode",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class S3Access:
    """How to reach a bucket.

    Attributes:
        url: ``s3://bucket`` or ``s3://bucket/prefix``; the bucket must exist.
        endpoint: ``http://host:port`` of the store; None for Amazon's.
        access_key, secret_key: None to take them from the environment.
        region: as the store names its own.
        attempts: how often a request is made before it counts as failed.
    """

    url: str
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    region: str = "us-east-1"
    attempts: int = 4

    def root(self) -> str:
        """Bucket and prefix.

        Raises:
            ValueError: the URL is none of an object store.
        """
        scheme, found, root = self.url.partition("://")
        if scheme != "s3" or not found or not root.strip("/"):
            raise ValueError(f"{self.url!r} is no s3://bucket/prefix")
        return root.strip("/")

    def options(self) -> dict[str, str]:
        """The same for delta-rs."""
        found = {
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ALLOW_HTTP": "true" if (self.endpoint or "").startswith("http://") else None,
            "aws_conditional_put": "etag",
        }
        return {name: value for name, value in found.items() if value is not None}

    def connect(self) -> pyarrow.fs.S3FileSystem:
        """The store; nothing is sent yet."""
        scheme, _, host = (self.endpoint or "https://").partition("://")
        return pyarrow.fs.S3FileSystem(
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            scheme=scheme,
            endpoint_override=host or None,
            connect_timeout=5,
            request_timeout=30,
            retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=self.attempts),
            # A small file is one request, and no folder is looked for: object stores have none.
            allow_delayed_open=True,
            background_writes=True,
        )


class S3Objects:
    """`Objects` in a bucket, read through copies in a local folder.

    An upload that breaks off leaves parts that nobody sees and that cost money: the bucket should have a rule
    that ends unfinished uploads after a day.

    Args:
        access: to the bucket.
        cache: local copies.
    """

    def __init__(self, access: S3Access, cache: ObjectCache) -> None:
        self._access = access
        self._root = access.root()
        self._store = access.connect()
        self._cache = cache

    def staged(self, name: str) -> Path:
        """Among the copies, so that it can become one."""
        checked(name)
        return self._cache.temporary()

    def put(self, name: str, source: Path) -> None:
        """Make a finished local file durable under a name, and take the file away."""
        key = self._key(checked(name))
        try:
            self._guarded(name, lambda: self._upload(key, source))
            found = self._guarded(name, lambda: self._tag(key))
            if not _same(source, *found):
                raise ObjectsFailed(Fault.RETRY, f"{name} arrived damaged; it is to be written again")
        except OSError:
            source.unlink(missing_ok=True)
            self._clear(key)
            raise
        # Whoever wrote it is likely to read it soon.
        self._cache.take(name, source)

    def put_all(self, files: Sequence[tuple[str, Path]]) -> None:
        """Like `put`, one after the other."""
        done = []
        try:
            for name, source in files:
                self.put(name, source)
                done.append(name)
        except OSError:
            for _, source in files:
                source.unlink(missing_ok=True)
            for name in done:
                self._cache.drop(name)
                self._clear(self._key(name))
            raise

    def reading(self, folder: str) -> tuple[Path, Callable[[str], Path] | None]:
        """The copies."""
        checked(folder)
        return self._cache.folder, lambda name: self.local(f"{folder}/{name}")

    def sizes(self, folder: str, names: Sequence[str]) -> dict[str, int]:
        """Bytes of those that are there: one request for a thousand objects of the folder."""
        there = {name.removeprefix(f"{folder}/"): size for name, size in self.listing(folder)}
        return {name: there[name] for name in names if name in there}

    def renewed(self, name: str) -> bool:
        """Let the copy go."""
        self._cache.drop(checked(name))
        return True

    def sweep(self, folder: str) -> None:
        """The store shows nothing that is half written, and ends unfinished uploads by its own rule."""
        checked(folder)

    def local(self, name: str) -> Path:
        """A local copy, fetched and checked if there is none."""
        copy = self._cache.find(checked(name))
        if copy is not None:
            return copy
        temporary = self._cache.temporary()
        try:
            found = self._guarded(name, lambda: self._download(self._key(name), temporary))
            if not _same(temporary, *found):
                raise ObjectsFailed(Fault.RETRY, f"{name} came damaged; it is to be fetched again")
            return self._cache.take(name, temporary)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove one; missing is fine."""
        key = self._key(checked(name))
        self._cache.drop(name)
        try:
            self._guarded(name, lambda: self._store.delete_file(key))
        except FileNotFoundError:
            return

    def remove_many(self, names: Sequence[str]) -> None:
        """Remove several, one after the other: what a store has acknowledged is durable."""
        for name in names:
            self.remove(name)

    def table(self, folder: str) -> Path | str:
        """The URL of the folder."""
        return f"s3://{self._key(checked(folder))}"

    @property
    def table_options(self) -> dict[str, str] | None:
        """How to reach the bucket; a commit that another writer was quicker with is refused by the store."""
        return self._access.options()

    def remove_all(self, folder: str) -> None:
        """Remove all below a folder, and the empty objects that stand for folders."""
        key = self._key(checked(folder))
        self._cache.drop_all(folder)
        try:
            self._guarded(folder, lambda: self._store.delete_dir(key))
        except FileNotFoundError:
            return

    def listing(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """(name, bytes) of all below a folder."""
        key = self._key(checked(folder, folder=True))
        below = pyarrow.fs.FileSelector(key, recursive=True, allow_not_found=True)
        for info in self._guarded(folder, lambda: self._store.get_file_info(below)):
            if info.type is pyarrow.fs.FileType.File:
                yield info.path.removeprefix(f"{self._root}/"), info.size

    def put_aside(self, name: str, new_name: str) -> None:
        """Give one another name: a copy inside the store, then the old one goes."""
        old, new = self._key(checked(name)), self._key(checked(new_name))
        self._guarded(name, lambda: self._store.copy_file(old, new))
        self.remove(name)

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _upload(self, key: str, source: Path) -> None:
        # Mapped as a whole: a read that fails half-way would end in an upload that looks finished.
        with pa.memory_map(str(source)) as content:
            data = content.read_buffer()
            with self._store.open_output_stream(key) as target:
                target.write(data)

    def _download(self, key: str, target: Path) -> tuple[int, str]:
        with self._store.open_input_stream(key) as content, target.open("wb") as file:
            told = content.metadata()
            while chunk := content.read(_CHUNK_BYTES):
                file.write(chunk)
        return _told(told)

    def _tag(self, key: str) -> tuple[int, str]:
        with self._store.open_input_stream(key) as content:
            return _told(content.metadata())

    def _clear(self, key: str) -> None:
        """What failed may have come through nevertheless."""
        try:
            self._store.delete_file(key)
        except OSError as problem:
            log.info("nothing to clear", key=key, problem=str(problem))

    def _guarded(self, name: str, work: Callable[[], _Answer]) -> _Answer:
        try:
            return work()
        except (FileNotFoundError, ObjectsFailed):
            raise
        except OSError as error:
            if "NO_SUCH_KEY" in str(error):
                raise FileNotFoundError(errno.ENOENT, "no such segment", name) from error
            raise ObjectsFailed(classify(str(error)), f"{name}: {error}") from error


def classify(message: str) -> Fault:
    """What an object store's error calls for; pyarrow tells it in words only."""
    if _FULL.search(message):
        return Fault.FULL
    return Fault.RETRY if _PASSING.search(message) else Fault.FAILED


def _told(metadata: dict[str, bytes]) -> tuple[int, str]:
    return int(metadata["Content-Length"]), metadata.get("ETag", b"").decode().strip('"')


def _same(path: Path, size: int, tag: str) -> bool:
    """Whether a local file is what the store says it keeps: by size, and by checksum where its tag is one.

    A tag is the MD5 of the content, or of its parts' MD5s and then ``-parts``; encrypting stores have others.
    """
    if path.stat().st_size != size:
        return False
    digest, _, parts = tag.partition("-")
    if not re.fullmatch(r"[0-9a-f]{32}", digest) or (parts and int(parts) != max(1, -(-size // _PART_BYTES))):
        return True
    return _tag_of(path, in_parts=bool(parts)) == digest


def _tag_of(path: Path, *, in_parts: bool) -> str:
    sums = []
    with path.open("rb") as file:
        if not in_parts:
            return hashlib.file_digest(file, _md5).hexdigest()
        while chunk := file.read(_PART_BYTES):
            sums.append(_md5(chunk).digest())
    return _md5(b"".join(sums) or _md5(b"").digest()).hexdigest()


def _md5(data: bytes = b"") -> hashlib._Hash:
    # Against damage on the way, not against forgers.
    return hashlib.md5(data, usedforsecurity=False)
