"""Cuts and kills between OPC UA servers and our connector; asyncua's own client is the control."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.opcua_collector import KEEP_ALIVE_S
from tundish_deploy.campaigns.opcua_frames import Storm, storm, through_sockets
from tundish_deploy.campaigns.opcua_lane import PEERS, SERVERS, SIGNALS, Lane, World, lane, wait_until
from tundish_deploy.campaigns.opcua_relay import Cut
from tundish_deploy.campaigns.runner import Runs, each
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

_TWO: Final = Runs()
_PART: Final = 25
_HEARD: Final = 3
# It may be deaf for good, which is one of the ways to lose.
_STOCK_BOUND_S: Final = 5.0
_MOST_MEMORY_MB: Final = 50.0
_LONGEST_S: Final = 5.0


def campaign(
    cuts: int, kills: int, frames: int, seed: int, runs: Runs = _TWO, servers: Iterable[str] = tuple(SERVERS)
) -> Report:
    """All cuts, kills and frames, and the controls.

    Args:
        cuts: breaks of the line, spread over the servers.
        kills: of servers, and as many of collectors.
        frames: malformed ones.
        seed: of the faults.
        runs: how many lanes at a time, and for how long.
        servers: kinds of server.

    Raises:
        FileNotFoundError: this is no checkout; the servers are among its tests.
    """
    if not PEERS.is_dir():
        raise FileNotFoundError(f"{PEERS} is not there; the campaign needs a checkout")
    kinds = list(servers)
    lanes = list(each(lane, list(_lanes(cuts, kills, seed, kinds)), runs)) if cuts or kills else []
    lost = stock_loses(f"{seed}") if lanes else 0
    storms = list(each(storm, _storms(frames, seed), runs)) if frames else []
    socket_storm = through_sockets(f"{seed}", max(1, frames // 5000)) if frames else None
    conditions = {
        "seed": seed,
        "servers": kinds,
        "keep-alive": f"{KEEP_ALIVE_S} s",
        "samples journalled": sum(one.samples for one in lanes),
        "samples within gap records": sum(one.in_gaps for one in lanes),
        "replay": [f"{one.seed} {one.server}: {'; '.join(one.words)}" for one in lanes if one.words],
        "frames": [words for one in storms for words in one.words],
    }
    figures = [*_line_figures(lanes, lost)] if lanes else []
    if socket_storm is not None:
        figures += _frame_figures(storms, socket_storm)
    return Report("campaign opcua", conditions, figures)


def _lanes(cuts: int, kills: int, seed: int, kinds: list[str]) -> Iterable[tuple[str, str, int, int, int]]:
    """Lanes of at most 25 cuts, so that a replay is short."""
    count = max(len(kinds), -(-cuts // _PART), -(-kills // _PART))
    for at, kind in zip(range(count), cycle(kinds), strict=False):
        cut, kill = (total // count + (at < total % count) for total in (cuts, kills))
        yield f"{seed}-{at}", kind, cut, kill, kill


def _storms(frames: int, seed: int) -> list[tuple[str, int]]:
    parts = max(1, frames // 50_000)
    return [(f"{seed}-{at}", frames // parts) for at in range(parts)]


def stock_loses(seed: str) -> int:
    """Samples that asyncua's own reconnecting client loses without a word over a cut and a killed server."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder, "asyncua", seed, _stock)
        try:
            world.flows()
            world.relay.break_line(Cut.MID_FRAME)
            counted = len(world.journal())
            # What the new server counts before anybody can reach it is lost to a client without a history.
            world.kill_server(lambda: wait_until(lambda: len(world.journal()) > counted + _HEARD))
            world.flows(_STOCK_BOUND_S)
        finally:
            world.close()
        journal = world.journal()
        lines = [json.loads(line) for line in (folder / "stock.jsonl").read_text().splitlines()]
    heard: dict[str, set[int]] = {}
    for line in lines:
        moment = round(datetime.fromisoformat(line["ts"]).timestamp() * 1e6)
        heard.setdefault(line["node"], set()).add(moment)
    every = set(journal)
    return sum(
        len([ts for ts in every if min(known) <= ts <= max(every) and ts not in known])
        for known in heard.values()
    )


def _stock(world: World) -> list[str]:
    url = f"opc.tcp://127.0.0.1:{world.relay.port}"
    program = "tundish_deploy.campaigns.opcua_stock"
    return [sys.executable, "-m", program, str(world.folder / "stock.jsonl"), url, str(SIGNALS)]


def _line_figures(lanes: list[Lane], lost: int) -> Iterable[Figure]:
    recoveries = [one for each_lane in lanes for one in each_lane.recoveries_s]
    yield Figure("opcua_cuts", sum(one.cuts for one in lanes), "1", "none")
    yield Figure("opcua_server_kills", sum(one.server_kills for one in lanes), "1", "none")
    yield Figure("opcua_collector_kills", sum(one.collector_kills for one in lanes), "1", "none")
    missing = sum(one.missing for one in lanes)
    yield judged("opcua_samples_missing_unrecorded", missing, "1", "lower", bar=0)
    yield judged("opcua_signals_deaf", sum(one.deaf for one in lanes), "1", "lower", bar=0)
    yield judged("opcua_recovery_s", max(recoveries, default=0.0), "s", "lower", bar=2 * KEEP_ALIVE_S)
    yield judged("opcua_control_stock_asyncua_lost", lost, "1", "higher", bar=1)


def _frame_figures(storms: list[Storm], sockets: Storm) -> list[Figure]:
    every = [*storms, sockets]
    longest = max(one.longest_s for one in every)
    return [
        Figure("opcua_malformed_frames", sum(one.frames for one in storms), "1", "none"),
        Figure("opcua_malformed_through_sockets", sockets.frames, "1", "none"),
        judged("opcua_frames_refused", sum(one.refused for one in every), "1", "higher", bar=1),
        judged("opcua_frames_unforeseen", sum(one.unforeseen for one in every), "1", "lower", bar=0),
        judged("opcua_frame_longest_s", longest, "s", "lower", bar=_LONGEST_S),
        judged(
            "opcua_frames_memory_mb", max(one.memory_mb for one in every), "MB", "lower", bar=_MOST_MEMORY_MB
        ),
    ]
