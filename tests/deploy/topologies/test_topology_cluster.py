"""Two writers, an API process, three log servers and an object store, all from one settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.testing.bucket import BucketServer
from tundish_platform.store.testing.nodes import NatsNodes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Installation

pytestmark = pytest.mark.integration


def test_a_log_server_and_a_writer_are_killed_and_nothing_acknowledged_is_lost(
    install: Callable[..., Installation], tmp_path: Path
) -> None:
    with NatsNodes(tmp_path / "nats") as nodes, BucketServer(tmp_path / "bucket") as bucket:
        key = tmp_path / "object-store.key"
        key.write_text(bucket.access.secret_key or "")
        cluster = {
            "nats": nodes.urls,
            "partitions": 2,
            "lease_s": 2.0,
            "objects": bucket.access.url,
            "endpoint": bucket.access.endpoint,
            "access_key": bucket.access.access_key,
            "secret_key_file": str(key),
        }
        platform = install(store={"mode": "cluster", "writers": 2, "name": "here", "cluster": cluster})
        platform.start()
        platform.counter("steel")
        platform.counter("power")
        platform.progress()
        nodes.kill(nodes.leader("TUNDISH_LOG_0"))
        platform.progress()
        platform.kill("writer-1")
        platform.progress()
        platform.check()
