"""A SeaweedFS server on loopback: a real object store that speaks S3."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Final, Self

import pyarrow.fs

from tundish_platform.store.objects_s3 import S3Access
from tundish_platform.store.testing.ports import free_ports, program

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

PATIENCE_S: Final = 60.0
BUCKET: Final = "tundish"
# Its inner ports are the outer ones and this much, unless they are told.
_PORTS: Final = ("master.port", "volume.port", "filer.port", "s3.port")
_INNER: Final = ("master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc")


class BucketServer:
    """One server with an empty bucket.

    Args:
        root: of its files.
        secret: key of its only user.
    """

    def __init__(self, root: Path, secret: str = "tundish-secret") -> None:  # noqa: S107 - of a test
        self._root = root
        self._secret = secret
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: list[int] = []

    @property
    def access(self) -> S3Access:
        """To the bucket."""
        endpoint = f"http://127.0.0.1:{self._ports[3]}"
        return S3Access(f"s3://{BUCKET}", endpoint, "tundish", self._secret, attempts=2)

    def __enter__(self) -> Self:
        """Start it; ports that somebody else took meanwhile are left to them."""
        self._root.mkdir(parents=True, exist_ok=True)
        for _ in range(5):
            self._ports = free_ports(8)
            self.start()
            if self._answering():
                return self
            self.kill()
        raise OSError(f"the object store does not start; see {self._root}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it."""
        self.kill()

    def start(self) -> None:
        """Start it, with what its folder holds."""
        names = [*_PORTS, *_INNER]
        ports = [f"-{name}={port}" for name, port in zip(names, self._ports, strict=True)]
        fixed = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-master.telemetry=false"]
        # Each listens on a port of its own choice otherwise, and two servers would be one too many.
        fixed += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        places = [f"-dir={self._folder()}", f"-s3.config={self._identities()}"]
        sizes = ["-master.volumeSizeLimitMB=64", "-volume.max=30"]
        command = [program("weed"), "-logtostderr", "server", *fixed, *ports, *places, *sizes]
        with (self._root / "weed.log").open("ab") as told:
            self._process = subprocess.Popen(command, stdout=told, stderr=told)  # noqa: S603 - ours

    def kill(self) -> None:
        """Kill it as a power switch would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wait_answering(self) -> None:
        """Return once it takes requests again.

        Raises:
            OSError: it does not.
        """
        if not self._answering():
            raise OSError(f"the object store does not answer; see {self._root}")

    def _answering(self) -> bool:
        access = self.access
        store = pyarrow.fs.S3FileSystem(
            access_key=access.access_key,
            secret_key=access.secret_key,
            region=access.region,
            scheme="http",
            endpoint_override=(access.endpoint or "").removeprefix("http://"),
            allow_bucket_creation=True,
            retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=1),
        )
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self._process is not None and self._process.poll() is None:
            try:
                store.create_dir(BUCKET)
                with store.open_output_stream(f"{BUCKET}/begun") as probe:
                    probe.write(b"begun")
                store.delete_file(f"{BUCKET}/begun")
            except OSError:
                time.sleep(0.1)
            else:
                return True
        return False

    def _folder(self) -> Path:
        folder = self._root / "data"
        folder.mkdir(exist_ok=True)
        return folder

    def _identities(self) -> Path:
        keys = {"accessKey": "tundish", "secretKey": self._secret}
        rights = ["Admin", "Read", "List", "Tagging", "Write"]
        path = self._root / "identities.json"
        path.write_text(json.dumps({"identities": [{"name": "t", "credentials": [keys], "actions": rights}]}))
        return path
