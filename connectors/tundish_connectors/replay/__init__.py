"""Recordings of real machines, played live over OPC UA; their first half is given as history."""

from tundish_connectors.replay.clock import ReplayClock, fresh_start
from tundish_connectors.replay.history import history_batches
from tundish_connectors.replay.pki import Identity, make_identity, trust
from tundish_connectors.replay.position import Position, PositionError
from tundish_connectors.replay.server import (
    ReplayConfig,
    namespace_uri,
    serve,
    server_identity,
    starting_position,
)

__all__ = [
    "Identity",
    "Position",
    "PositionError",
    "ReplayClock",
    "ReplayConfig",
    "fresh_start",
    "history_batches",
    "make_identity",
    "namespace_uri",
    "serve",
    "server_identity",
    "starting_position",
    "trust",
]
