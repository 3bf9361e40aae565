"""Settings of the store: one process, a writer apart, or many machines."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_deploy.serversettings import is_loopback


def _host_name() -> str:
    kept = "".join(c for c in socket.gethostname().split(".")[0] if c.isascii() and (c.isalnum() or c == "-"))
    return kept[:63] or "host"


class ClusterSettings(BaseModel):
    """A store on several machines. The same on all of them, but for `writers` and paths.

    Attributes:
        nats: ``nats://host:port`` of the log's servers; they must run with ``sync_interval: always``.
        nats_credentials: file of the account's user, if the servers ask for one.
        nats_ca: certificates that the servers' are checked against; with it the connection is encrypted.
        partitions: of the log; chosen once, the same for ever.
        replicas: servers that keep each record; three in a cluster and one on a single server if absent.
        log_bytes: a partition of the log is full beyond it; -1 for as much as the servers have.
        lease_s: a writer that was silent for so long is taken for dead.
        objects: ``s3://bucket/prefix`` of the segments; the bucket must exist.
        endpoint: ``https://host:port`` of the object store; Amazon's if absent.
        region: as the object store names its own.
        access_key, secret_key_file: of the object store; from the environment if absent.
        cache_bytes: bound of each process's local copies of segments.
        allow_insecure: permit connections without encryption to other machines.
    """

    model_config = ConfigDict(extra="forbid")

    nats: list[str] = Field(min_length=1)
    nats_credentials: Path | None = None
    nats_ca: Path | None = None
    partitions: int = Field(default=16, ge=1, le=1024)
    replicas: int | None = Field(default=None, ge=1, le=5)
    log_bytes: int = Field(default=-1, ge=-1)
    lease_s: float = Field(default=10.0, ge=0.5, le=300)
    objects: str = Field(pattern=r"^s3://[^/]+")
    endpoint: str | None = Field(default=None, pattern=r"^https?://")
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key_file: Path | None = None
    cache_bytes: int = Field(default=10 * 1024**3, ge=1024**2)
    allow_insecure: bool = False

    @model_validator(mode="after")
    def _refuse_silent_plain_text(self) -> Self:
        plain = [] if self.nats_ca is not None else list(self.nats)
        if self.endpoint is not None and self.endpoint.startswith("http://"):
            plain.append(self.endpoint)
        open_ones = [url for url in plain if not _is_loopback(url)]
        if open_ones and not self.allow_insecure:
            raise ValueError(
                f"samples would cross the network to {open_ones[0]} in clear text; set nats_ca and use "
                "https://, or allow_insecure = true if meant"
            )
        return self

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.access_key is None) != (self.secret_key_file is None):
            raise ValueError("access_key and secret_key_file belong together; set both or none")
        return self


class StoreSettings(BaseModel):
    """Where the store's writer runs.

    Attributes:
        mode: ``in-process``: the server writes, too; ``writer``: a process of its own writes, and servers and
            commands on the same machine reach it by a local socket; ``cluster``: see `ClusterSettings`.
        writers: writer processes that `tundish up` starts here; of a cluster any number, otherwise one.
        name: of this machine among the cluster's writers; the host's if absent.
        cluster: needed by the mode of that name.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Literal["in-process", "writer", "cluster"] = "in-process"
    writers: int = Field(default=1, ge=0, le=16)
    name: str = Field(default_factory=_host_name, pattern=r"^[A-Za-z0-9-]{1,63}$")
    cluster: ClusterSettings | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.mode == "cluster" and self.cluster is None:
            raise ValueError("mode cluster needs the table [store.cluster] with nats and objects")
        if self.mode != "cluster" and self.writers != 1:
            raise ValueError(f"mode {self.mode} has exactly one writer; several need mode cluster")
        return self


def _is_loopback(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
