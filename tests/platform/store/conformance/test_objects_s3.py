from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store import objects_s3
from tundish_platform.store.objects import Fault, ObjectsFailed
from tundish_platform.store.objects_cache import ObjectCache
from tundish_platform.store.objects_s3 import S3Access, S3Objects, classify
from tundish_platform.store.testing.relay import Relay, Way

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tundish_platform.store.testing.bucket import BucketServer

NAME = "steel/numeric/17.parquet"


@pytest.fixture
def relay(bucket_server: BucketServer) -> Iterator[Relay]:
    with Relay(int((bucket_server.access.endpoint or "").rpartition(":")[2])) as relay:
        yield relay


@pytest.fixture
def access(bucket_server: BucketServer, relay: Relay, tmp_path: Path) -> S3Access:
    direct = bucket_server.access
    prefix = f"{direct.url}/{tmp_path.name}"
    return replace(direct, url=prefix, endpoint=f"http://127.0.0.1:{relay.port}", attempts=1)


@pytest.fixture
def objects(access: S3Access, tmp_path: Path) -> S3Objects:
    return S3Objects(access, ObjectCache(tmp_path / "cache", 100_000_000))


def put(objects: S3Objects, folder: Path, content: bytes) -> None:
    source = folder / "finished"
    source.write_bytes(content)
    objects.put(NAME, source)


@pytest.mark.integration
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("size", [200_000, 11_000_000])
def test_an_upload_cut_anywhere_leaves_no_object(
    objects: S3Objects, relay: Relay, tmp_path: Path, size: int, share: float
) -> None:
    relay.turn(Way.CUT, max(1, int(size * share)))
    with pytest.raises(ObjectsFailed) as told:
        put(objects, tmp_path, os.urandom(size))
    assert told.value.fault is Fault.RETRY
    relay.turn(Way.ON)
    assert list(objects.listing()) == []
    put(objects, tmp_path, b"again")
    assert objects.local(NAME).read_bytes() == b"again"


@pytest.mark.integration
@pytest.mark.parametrize("size", [200_000, 11_000_000])
def test_what_comes_damaged_is_not_believed(
    objects: S3Objects, access: S3Access, relay: Relay, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    put(objects, tmp_path, content)
    other = S3Objects(access, ObjectCache(tmp_path / "other", 100_000_000))
    relay.turn(Way.DAMAGE)
    with pytest.raises(ObjectsFailed) as told:
        other.local(NAME)
    assert told.value.fault is Fault.RETRY
    relay.turn(Way.ON)
    assert other.local(NAME).read_bytes() == content


@pytest.mark.integration
@pytest.mark.parametrize("tag", ["", "no-checksum", "A" * 32, "0" * 31, "0" * 64])
def test_where_a_tag_is_no_checksum_the_size_alone_must_be_right(
    objects: S3Objects, access: S3Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    """As stores do that encrypt."""
    monkeypatch.setattr(objects_s3, "_told", lambda told: (int(told["Content-Length"]), tag))
    put(objects, tmp_path, b"content")
    other = S3Objects(access, ObjectCache(tmp_path / "other", 100_000_000))
    assert other.local(NAME).read_bytes() == b"content"
    monkeypatch.setattr(objects_s3, "_told", lambda told: (int(told["Content-Length"]) + 1, tag))
    with pytest.raises(ObjectsFailed):
        S3Objects(access, ObjectCache(tmp_path / "third", 100_000_000)).local(NAME)


@pytest.mark.integration
def test_a_copy_spares_the_way_and_a_cut_one_is_fetched_again(
    objects: S3Objects, relay: Relay, tmp_path: Path
) -> None:
    put(objects, tmp_path, b"x" * 1000)
    relay.turn(Way.CUT)
    copy = objects.local(NAME)
    copy.write_bytes(b"x" * 999)
    with pytest.raises(ObjectsFailed):
        objects.local(NAME)
    relay.turn(Way.ON)
    assert objects.local(NAME).read_bytes() == b"x" * 1000


@pytest.mark.integration
def test_what_nobody_can_wait_for_is_told_as_failed(access: S3Access, tmp_path: Path) -> None:
    objects = S3Objects(replace(access, secret_key="wrong"), ObjectCache(tmp_path / "cache", 1000))
    with pytest.raises(ObjectsFailed) as told:
        put(objects, tmp_path, b"x")
    assert told.value.fault is Fault.FAILED


@pytest.mark.parametrize("url", ["", "bucket", "http://bucket", "s3://", "s3:///"])
def test_an_address_that_is_no_bucket_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ValueError, match="is no s3://"):
        S3Access(url).root()


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("AWS Error SLOW_DOWN during PutObject operation", Fault.RETRY),
        ("AWS Error UNKNOWN (HTTP status 503) during PutObject operation", Fault.RETRY),
        ("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 28", Fault.RETRY),
        ("AWS Error UNKNOWN (HTTP status 507) during PutObject operation", Fault.FULL),
        ("Unable to parse ExceptionName: XMinioStorageFull Message: full (HTTP status 507)", Fault.FULL),
        ("Unable to parse ExceptionName: QuotaExceeded Message: bucket quota", Fault.FULL),
        ("AWS Error ACCESS_DENIED during PutObject operation", Fault.FAILED),
        ("AWS Error NO_SUCH_BUCKET during PutObject operation", Fault.FAILED),
    ],
)
def test_each_answer_calls_for_something(message: str, fault: Fault) -> None:
    assert classify(message) is fault
