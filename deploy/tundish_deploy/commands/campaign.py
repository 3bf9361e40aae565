"""`tundish campaign`: long runs that try to break the store's promises, each with a control that must."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import JsonOption
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from tundish_deploy.figures import Report

app = typer.Typer(no_args_is_help=True)

Seed = Annotated[int, typer.Option(help="Of everything left to chance; the same seed replays a run.")]
Jobs = Annotated[int, typer.Option(help="Processes; 0 for all in this one.", min=0)]
Minutes = Annotated[
    float | None, typer.Option(help="Begin nothing more after so long; counts done are told.", min=0)
]
Keep = Annotated[
    Path | None, typer.Option(help="File of finished parts: those in it are not run again, others are added.")
]


@app.callback()
def quiet() -> None:
    """The store's own alarms are the point of these runs, not news."""
    configure_logs("CRITICAL")


@app.command()
def power(
    *,
    count: Annotated[int, typer.Option(help="Power cuts.", min=1)] = 10_000,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    keep: Keep = None,
    json: JsonOption = False,
) -> None:
    """Power cuts over log, seal, merge, spill and manifest, on a simulated disk."""
    from tundish_deploy.campaigns.power import campaign
    from tundish_deploy.campaigns.runner import Runs

    _end(campaign(count, seed, Runs(jobs, minutes, keep)), as_json=json)


@app.command()
def faults(
    *,
    count: Annotated[int, typer.Option(help="Scripted runs; each is repeated for every fault.", min=1)] = 3,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    keep: Keep = None,
    json: JsonOption = False,
) -> None:
    """Every write, sync and rename fails once; the disk is full and gets space again."""
    from tundish_deploy.campaigns.faults import campaign
    from tundish_deploy.campaigns.runner import Runs

    _end(campaign(count, seed, Runs(jobs, minutes, keep)), as_json=json)


@app.command()
def kill(
    *,
    count: Annotated[int, typer.Option(help="Kills of the writer.", min=1)] = 5000,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    keep: Keep = None,
    json: JsonOption = False,
) -> None:
    """Kill -9 of the writing process, its client's journal outside."""
    from tundish_deploy.campaigns.kill import campaign
    from tundish_deploy.campaigns.runner import Runs

    _end(campaign(count, seed, Runs(jobs, minutes, keep)), as_json=json)


@app.command()
def clocks(
    *,
    count: Annotated[int, typer.Option(help="Runs, each with several hundred steps.", min=1)] = 10,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    keep: Keep = None,
    json: JsonOption = False,
) -> None:
    """Steps of the system clock under a writing store, and source times of 1601 and 9999."""
    from tundish_deploy.campaigns.clocks import campaign
    from tundish_deploy.campaigns.runner import Runs

    _end(campaign(count, seed, Runs(jobs, minutes, keep)), as_json=json)


@app.command()
def isolation(  # noqa: PLR0913 - one argument for each option
    *,
    count: Annotated[int, typer.Option(help="Places at most; 0 for all.", min=0)] = 0,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    where: Annotated[
        str,
        typer.Option(help="store; doors: guard, limits, keys, people and tables' policies; or marketplace."),
    ] = "store",
    only: Annotated[
        list[str] | None, typer.Option(help="Part of places' names, such as a module's path; repeatable.")
    ] = None,
    again: Annotated[
        Path | None, typer.Option(help="A kept report: only the places that it calls not noticed.")
    ] = None,
    tests: Annotated[
        list[str] | None, typer.Option(help="Test files or folders in place of all of them; repeatable.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Take away each check between tenants in turn; the tests must notice. Needs a checkout."""
    from tundish_deploy.campaigns.isolation import Choice, campaign

    choice = Choice(count, seed, tuple(only or ()), again, tuple(tests or ()))
    _end(campaign(choice, jobs, minutes, where), as_json=json)


@app.command()
def access(
    *,
    every: Annotated[int, typer.Option(help="So-many-th question only; 1 for all.", min=1)] = 1,
    json: JsonOption = False,
) -> None:
    """Ask every route and every callback of the pages as everyone who might; who may not gets nothing."""
    from tundish_deploy.campaigns.access import campaign

    _end(campaign(every), as_json=json)


@app.command()
def fuzz(
    *,
    api: Annotated[int, typer.Option(help="Cases for the API.", min=0)] = 100_000,
    callbacks: Annotated[int, typer.Option(help="Cases for the pages' callbacks.", min=0)] = 50_000,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    keep: Keep = None,
    json: JsonOption = False,
) -> None:
    """Send what no client would to every route and callback; no answer may be the server's failure."""
    from tundish_deploy.campaigns.fuzz import campaign
    from tundish_deploy.campaigns.runner import Runs

    _end(campaign(api, callbacks, seed, Runs(jobs, minutes, keep)), as_json=json)


@app.command()
def neighbours(
    *,
    count: Annotated[int, typer.Option(help="Rounds of all phases.", min=1)] = 10,
    seconds: Annotated[float, typer.Option(help="Of each phase.", min=1)] = 6.0,
    json: JsonOption = False,
) -> None:
    """A tenant sends ten times its quota; what others wait for their appends and queries."""
    from tundish_deploy.campaigns.neighbours import campaign

    _end(campaign(count, seconds), as_json=json)


@app.command()
def escape(
    *,
    models: Annotated[int, typer.Option(help="Hostile model files.", min=1)] = 1_000,
    rounds: Annotated[int, typer.Option(help="Of the neighbour beside the crowd.", min=1)] = 5,
    crowd: Annotated[int, typer.Option(help="Hostile apps due at once; 0 for none.", min=0)] = 100,
    seed: Seed = 1,
    json: JsonOption = False,
) -> None:
    """Hostile apps, answers and model files against the sandbox; a crowd of them beside a neighbour."""
    from tundish_deploy.campaigns.escape.run import campaign

    _end(campaign(models, rounds, crowd, seed), as_json=json)


@app.command()
def recovery(
    *,
    megabytes: Annotated[int, typer.Option(help="Of log in front of the store.", min=1)] = 1024,
    json: JsonOption = False,
) -> None:
    """How long the store takes to open after kill -9."""
    from tundish_deploy.campaigns.recovery import campaign

    _end(campaign(megabytes), as_json=json)


@app.command()
def opcua(
    *,
    cuts: Annotated[int, typer.Option(help="Breaks of the line.", min=0)] = 1000,
    kills: Annotated[int, typer.Option(help="Kills of servers, and as many of collectors.", min=0)] = 200,
    frames: Annotated[int, typer.Option(help="Malformed frames from a hostile server.", min=0)] = 1_000_000,
    seed: Seed = 1,
    jobs: Jobs = 2,
    minutes: Minutes = None,
    json: JsonOption = False,
) -> None:
    """Cuts, kills and malformed frames between OPC UA servers and the connector. Needs a checkout."""
    from tundish_deploy.campaigns.opcua import campaign
    from tundish_deploy.campaigns.runner import Runs

    _end(campaign(cuts, kills, frames, seed, Runs(jobs, minutes)), as_json=json)


def _end(report: Report, *, as_json: bool) -> None:
    report.print(as_json=as_json)
    if any(figure.holds is False for figure in report.figures):
        raise typer.Exit(1)
