"""`tundish campaign escape`: hostile apps, hostile answers, hostile models, and a crowd of them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.campaigns.escape.answers import ANSWERS
from tundish_deploy.campaigns.escape.controls import bubblewrap_alone, outside
from tundish_deploy.campaigns.escape.inside import hostile_app, inside, run_code
from tundish_deploy.campaigns.escape.probes import CALLS, PROBES
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.marketplace.forks import ForkServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_deploy.campaigns.escape.probes import Probe

PROBES_BAR: Final = 100
RATIO_BAR: Final = 1.2
_CROWD_S: Final = 0.3
_ABSENT: Final = "this kernel has not got the call"
_NOT_ROOT: Final = "needs rights on the machine; run the campaign as root"


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt everywhere.

    Attributes:
        inside: ``open``, ``absent``, or why not, in the full sandbox.
        alone: the same in bubblewrap alone.
        outside: the same in a plain process.
    """

    probe: Probe
    inside: str
    alone: str
    outside: str

    @property
    def blocked(self) -> bool:
        """Whether the sandbox held."""
        return self.inside != "open"

    @property
    def proven(self) -> bool:
        """Whether the attempt works where nothing stops it."""
        return "open" in (self.outside, self.alone)

    @property
    def excuse(self) -> str:
        """Why it does not, empty where no reason is known."""
        if self.outside == "absent":
            return _ABSENT
        if self.probe.no_control:
            return self.probe.no_control
        return _NOT_ROOT if os.geteuid() != 0 or "call " in self.probe.name else ""


def tried_everywhere(probes: Sequence[Probe], folder: Path, forks: ForkServer) -> list[Tried]:
    """Each attempt in the sandbox, in bubblewrap alone and in a plain process."""
    secret = folder / "store" / "segment.parquet"
    secret.parent.mkdir()
    secret.write_text("canary", "utf-8")
    names = {"SECRET": str(secret), "PLACE": str(folder / "written"), "PYTHON": sys.executable}
    app = hostile_app(folder / "apps")
    columns = (
        inside(app, probes, names, forks),
        bubblewrap_alone(probes, names, app.folder),
        outside(probes, names),
    )
    return [Tried(probe, *words) for probe, *words in zip(probes, *columns, strict=True)]


def answers_refused(folder: Path, forks: ForkServer) -> tuple[list[str], list[str]]:
    """Names of hostile answers that were not refused, and of those that harm no trusting reader."""
    app = hostile_app(folder)
    passed = [one.name for one in ANSWERS if run_code(app, one.attempt, forks).outcome is not one.outcome]
    return passed, [one.name for one in ANSWERS if not one.fares()]


def campaign(models: int, rounds: int, crowd: int, seed: int) -> Report:
    """All of it.

    Args:
        models: hostile model files.
        rounds: of the neighbour beside the crowd.
        crowd: hostile apps that are due at once; 0 leaves them out.
        seed: of the models.
    """
    with TemporaryDirectory() as name, ForkServer() as forks:
        folder = Path(name)
        figures, told = _probes(tried_everywhere((*CALLS, *PROBES), folder, forks))
        found, more = _answers(folder / "answers", forks)
    figures += found
    told |= more
    for part in (_models(models, seed), _crowd(rounds, crowd) if crowd else ([], {})):
        figures += part[0]
        told |= part[1]
    return Report("campaign escape", {"seed": seed, **told}, figures)


def _probes(tried: Sequence[Tried]) -> tuple[list[Figure], dict[str, Any]]:
    leaks = [one.probe.name for one in tried if not one.blocked]
    unproven = [one.probe.name for one in tried if not one.proven and not one.excuse]
    alone = [one.probe.name for one in tried if one.alone == "open"]
    excused = {one.probe.name: one.excuse for one in tried if not one.proven and one.excuse}
    figures = [
        judged("escape_probes", len(tried), "1", "higher", bar=PROBES_BAR),
        judged("escape_probes_open", len(leaks), "1", "lower", bar=0),
        Figure("escape_probes_proven_outside", sum(one.proven for one in tried), "1", "none"),
        judged("escape_probes_without_control_or_reason", len(unproven), "1", "lower", bar=0),
        judged("escape_control_bubblewrap_alone_leaks", len(alone), "1", "higher", bar=1),
    ]
    return figures, {
        "open": leaks or "none", "neither proven nor excused": unproven or "none",
        "open in bubblewrap alone": alone, "no control": excused,
    }  # fmt: skip


def _answers(folder: Path, forks: ForkServer) -> tuple[list[Figure], dict[str, Any]]:
    passed, harmless = answers_refused(folder, forks)
    return [
        Figure("escape_answers", len(ANSWERS), "1", "none"),
        judged("escape_answers_taken", len(passed), "1", "lower", bar=0),
        judged("escape_answers_that_harm_nobody", len(harmless), "1", "lower", bar=0),
    ], {"answers taken": passed or "none", "answers that harm nobody": harmless or "none"}


def _models(count: int, seed: int) -> tuple[list[Figure], dict[str, Any]]:
    from tundish_deploy.campaigns.escape.models import crafted_tree_harms, hostile_models, pickle_runs

    found = hostile_models(count, seed)
    controls = crafted_tree_harms() + pickle_runs()
    return [
        Figure("escape_models", found.tried, "1", "none"),
        judged("escape_models_unpacked", found.unpacked, "1", "lower", bar=0),
        judged("escape_models_not_refused", found.tried - found.refused, "1", "lower", bar=0),
        judged("escape_models_code_ran", found.ran, "1", "lower", bar=0),
        judged("escape_models_crashes", found.crashes, "1", "lower", bar=0),
        judged("escape_control_models_that_harm", controls, "1", "higher", bar=2),
    ], {"models ended otherwise": found.unforeseen or "none"}


def _crowd(rounds: int, count: int) -> tuple[list[Figure], dict[str, Any]]:
    from tundish_deploy.campaigns.escape.crowd import crowded

    found = crowded(rounds, count, _CROWD_S)
    return [
        judged("escape_neighbour_p95_ratio", found.ratio, "1", "lower", bar=RATIO_BAR),
        judged("escape_control_neighbour_p95_ratio", found.control, "1", "higher", bar=RATIO_BAR),
        Figure("escape_neighbour_p95_ms", found.alone_s * 1_000, "ms", "none"),
    ], {"hostile at once": count, "rounds": rounds, "slots": found.slots}
