"""`tundish bench opcua`: every client on every stream of one server, and the figures of that."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.opcua.processes import ClientError, ReplayServer, replay_server, run_client
from tundish_deploy.benchmarks.opcua.workload import Plan, expected
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MILLION: Final = 1e6
PEERS: Final = ("asyncua", "asyncua_callback", "python-opcua", "node-opcua", "o6")
_WARM_S: Final = 0.7
# Its Python interface creates items one after the other, a round trip each.
_MOST_O6_ITEMS: Final = 1000
_FAN_SERVERS: Final = 20
_FAN_ITEMS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A stream and its security; figures begin with the name."""

    name: str
    plan: Plan
    encrypted: bool = False
    ours_repeats: int = 1
    durable: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a client took."""

    rate: float
    cpu: float
    setup_s: float
    server_cpu: float


def scenes(items: int, many: int) -> list[Scene]:
    """All streams of a run: two kinds, two sizes, with and without encryption, and small notifications."""
    float64 = Plan("float64", "float64", items, items)
    mixed = Plan("mixed", "mixed", items, items)
    float64_many = Plan("float64_many", "float64", many, many)
    mixed_many = Plan("mixed_many", "mixed", many, many)
    small = Plan("small", "float64", items, 10)
    return [
        Scene("float64", float64, ours_repeats=3, durable=True),
        Scene("mixed", mixed, ours_repeats=3, durable=True),
        Scene("encrypted", float64, encrypted=True, ours_repeats=3),
        Scene("small_notifications", small, ours_repeats=3, durable=True),
        Scene(f"float64_{many}", float64_many),
        Scene(f"mixed_{many}", mixed_many),
        Scene("mixed_encrypted", mixed, encrypted=True),
        Scene(f"encrypted_{many}", float64_many, encrypted=True),
        Scene(f"mixed_encrypted_{many}", mixed_many, encrypted=True),
    ]


@dataclass(frozen=True, slots=True)
class Options:
    """What to run.

    Attributes:
        seconds: how long each client is measured.
        items, many: monitored items of the small and the large streams.
        peers: whom to compare with.
        fan_items: monitored items over twenty servers in one process.
    """

    seconds: float = 2.5
    items: int = 1000
    many: int = 10_000
    peers: tuple[str, ...] = PEERS
    fan_items: int = _FAN_ITEMS


def bench_opcua(options: Options, tell: Callable[[str], None]) -> Report:
    """Run everything; Linux only, for it reads ``/proc`` and pins processes.

    Raises:
        ClientError: a client gave no result, or not the values that the server sent.
    """
    if "o6" in options.peers and find_spec("o6") is None:
        raise ClientError("o6 is missing; pip install o6, or name the other peers with --peers")
    todo = scenes(options.items, options.many)
    plans = list({scene.plan.name: scene.plan for scene in todo}.values())
    each = options.fan_items // _FAN_SERVERS
    fan = [Plan(f"fan{at}", "float64", each, each) for at in range(_FAN_SERVERS)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(replay_server(folder, [*fan, *plans]))
        figures: list[Figure] = []
        for scene in todo:
            figures += _scene_figures(scene, server, options, tell)
        figures += _fan_figures(fan, server, options, tell)
    return Report("bench opcua", _conditions(options), figures)


def _run(
    client: str, scene: Scene, server: ReplayServer, options: Options, *, fan: Sequence[Plan] = ()
) -> Cost:
    plan = scene.plan
    before = server.cpu_s()
    results = _patiently(
        {
            "client": client,
            "url": server.url(plan),
            "folder": str(server.folder),
            "items": plan.items,
            "each": plan.each,
            "warm_s": _WARM_S,
            "seconds": options.seconds,
            "servers": max(1, len(fan)),
            "encrypted": scene.encrypted,
            "mixed": plan.kind == "mixed",
        }
    )
    used = server.cpu_s() - before
    if client != "ours_durable":
        for result in results:
            _check(client, plan, result)
    values = sum(result["values"] for result in results)
    cpu = statistics.fmean(result["cpu_s"] for result in results)
    received = sum(result["all_values"] for result in results)
    return Cost(
        sum(result["values"] / result["wall_s"] for result in results),
        cpu / values * _MILLION,
        max(result["setup_s"] for result in results),
        used / received * _MILLION,
    )


def _patiently(settings: dict[str, object]) -> list[dict[str, float]]:
    """Run a client, and once more where it lost its connection, as happens on a machine without time."""
    try:
        return run_client(settings)
    except ClientError:
        return run_client(settings)


def _check(client: str, plan: Plan, result: dict[str, float]) -> None:
    notifications, rest = divmod(int(result["all_values"]), plan.each)
    wanted = expected(plan, notifications)
    if rest or result["checksum"] != wanted:
        raise ClientError(
            f"{client} has read {plan.name} as {result['checksum']:.1f}, not {wanted:.1f}, "
            f"over {notifications} notifications"
        )


def _scene_figures(
    scene: Scene, server: ReplayServer, options: Options, tell: Callable[[str], None]
) -> list[Figure]:
    ours = []
    for _ in range(scene.ours_repeats):
        ours.append(_run("ours", scene, server, options))
        tell(f"{scene.name}: ours {ours[-1].rate:,.0f}/s, {ours[-1].cpu:.3f} CPU s per million")
    peers: dict[str, Cost] = {}
    for peer in options.peers:
        if peer == "o6" and scene.plan.items > _MOST_O6_ITEMS:
            continue
        peers[peer] = _run(peer, scene, server, options)
        tell(f"{scene.name}: {peer} {peers[peer].rate:,.0f}/s, {peers[peer].cpu:.3f} CPU s per million")
    rate = statistics.median(cost.rate for cost in ours)
    cpu = statistics.median(cost.cpu for cost in ours)
    rates = {name: cost.rate for name, cost in peers.items()}
    costs = {name: cost.cpu for name, cost in peers.items()}
    name = scene.name
    bar, times = _BARS.get(name, (None, None))
    figures = [
        judged(f"{name}_values_per_s", rate, "1/s", "higher", bar=bar, peers=rates),
        judged(f"{name}_cpu_s_per_million", cpu, "s", "lower", peers=costs),
    ]
    if peers:
        figures += [
            judged(f"{name}_vs_best_peer", rate / max(rates.values()), "1", "higher", bar=times),
            judged(f"{name}_cpu_vs_best_peer", min(costs.values()) / cpu, "1", "higher"),
        ]
    server_cpu = statistics.median(cost.server_cpu for cost in ours)
    figures.append(Figure(f"{name}_server_cpu_s_per_million", server_cpu, "s", "none"))
    if scene.durable:
        kept = _run("ours_durable", scene, server, options)
        tell(f"{name}: ours up to the disk {kept.rate:,.0f}/s, {kept.cpu:.3f} CPU s per million")
        figures += [
            judged(f"{name}_durable_values_per_s", kept.rate, "1/s", "higher"),
            judged(f"{name}_durable_cpu_s_per_million", kept.cpu, "s", "lower"),
        ]
    if name == f"float64_{options.many}":
        setups = {peer: cost.setup_s for peer, cost in peers.items()}
        figures.append(
            judged(f"setup_{options.many}_items_s", ours[0].setup_s, "s", "lower", bar=2.0, peers=setups)
        )
    return figures


_BARS: Final[dict[str, tuple[float, float | None]]] = {
    "float64": (5e6, 5.0),
    "mixed": (1e6, 2.0),
    "encrypted": (3e6, None),
    "small_notifications": (200_000, None),
}


def _fan_figures(
    fan: Sequence[Plan], server: ReplayServer, options: Options, tell: Callable[[str], None]
) -> list[Figure]:
    cost = _run("ours", Scene("fan", fan[0]), server, options, fan=fan)
    items = sum(plan.items for plan in fan)
    tell(f"{items} items over {len(fan)} servers: {cost.rate:,.0f}/s, set up in {cost.setup_s:.1f} s")
    return [
        judged("items_from_one_process", items, "1", "higher", bar=100_000),
        judged("many_servers_values_per_s", cost.rate, "1/s", "higher"),
        judged("many_servers_cpu_s_per_million", cost.cpu, "s", "lower"),
        judged("many_servers_setup_s", cost.setup_s, "s", "lower"),
    ]


def _conditions(options: Options) -> dict[str, object]:
    return {
        "seconds a client": options.seconds,
        "items": [options.items, options.many],
        "values a small notification": 10,
        "server": "replays encoded notifications as fast as a client asks, on another core",
        "ours": "decoded into columns, numbers checked; durable: gaps tracked, spooled with fdatasync",
        "peers": "decoded, a callback for each value or publish answer that sums values and statuses",
        "checksums": "equal to what was sent, for every client",
        "asyncua": version("asyncua"),
        "python-opcua": version("opcua"),
        "o6": version("o6") if "o6" in options.peers else "left out",
    }
