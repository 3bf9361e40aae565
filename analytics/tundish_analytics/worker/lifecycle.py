"""The life of the worker's models: what the platform names runs, shadows run beside it, drift is told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from tundish_analytics.drift.model import ModelDrift
from tundish_analytics.models.registry import RegistryError
from tundish_analytics.worker import wording
from tundish_analytics.worker.notes import Notes
from tundish_analytics.worker.pipeline import NotReady, Pipeline
from tundish_analytics.worker.proposal import out_of_time
from tundish_analytics.worker.roles import REREAD_S
from tundish_analytics.worker.trial import Trial, twin
from tundish_analytics.worker.windows import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_analytics.drift.levels import Level
    from tundish_analytics.models.registry import ModelCard
    from tundish_analytics.worker.roles import Role, Roles

_log = structlog.get_logger(__name__)

# Of data, not of the clock: a line that plays back a month tells as much as one that lived it.
_REPORT_US: Final = 3600 * 1_000_000
_PROPOSAL_US: Final = 24 * _REPORT_US
_TRIAL: Final = timedelta(days=7)


@dataclass(slots=True)
class _Life:
    """What is kept of one model of a line while the worker runs.

    Attributes:
        drift: of the version in use.
        trials: by challenger; ``None`` for one that cannot run.
        told: moment and level of the last report by kind and version.
        refused: versions named champion that this worker could not load, and the monotonic time before which
            it does not try again; a person may sign one in the meantime.
    """

    drift: ModelDrift
    version: str
    trials: dict[str, Trial | None] = field(default_factory=dict)
    told: dict[tuple[str, str], tuple[int, Level]] = field(default_factory=dict)
    refused: dict[str, float] = field(default_factory=dict)


class ModelLife:
    """Hooks of the loop: `named` before a model is taken up, `chosen` before and `followed` after a turn.

    Args:
        roles: the platform's word.
        failures: what a model or its data may raise; a challenger's ends its trial, nothing else.
        propose: the evaluation behind a proposal; see `out_of_time`.
    """

    def __init__(
        self,
        roles: Roles,
        failures: tuple[type[Exception], ...],
        propose: Callable[[Pipeline, int], dict[str, Any] | None] = out_of_time,
    ) -> None:
        self._roles = roles
        self._failures = failures
        self._unusable: tuple[type[Exception], ...] = (NotReady, *failures)
        self._propose = propose
        self._lives: dict[tuple[str, str, str], _Life] = {}

    def named(self, pipeline: Pipeline) -> str | None:
        """The champion by the platform's word, ``None`` where it knows none of this model yet.

        Raises:
            NotReady: people retired the model.
            ApiError: the token is refused.
        """
        role = self._role(pipeline)
        if role is None:
            return None
        if role.champion is None:
            raise NotReady(
                "没有主用版本：请在模型页面选定。", "No version is champion; choose one on the models page."
            )
        return role.champion

    def chosen(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline to score with: this one, or one with the version that people have made champion.

        Raises:
            NotReady: people retired the model.
            ApiError: the token is refused.
        """
        self._roles.register(pipeline.site.tenant, pipeline.card)
        champion = self.named(pipeline)
        life = self._life(pipeline)
        if champion is None or champion == pipeline.card.version:
            return pipeline
        if time.monotonic() < life.refused.get(champion, 0.0):
            return pipeline
        try:
            return self._changed(pipeline, champion)
        except self._unusable as error:
            # The line goes on with what it has; the log says why.
            life.refused[champion] = time.monotonic() + REREAD_S
            _log.warning("champion_refused", model=pipeline.model_id, version=champion, reason=str(error))
            return pipeline

    def _changed(self, pipeline: Pipeline, champion: str) -> Pipeline:
        fresh = type(pipeline).bind(pipeline.site)
        if fresh is None or not fresh.restore(champion):
            raise RegistryError(f"the line no longer has the signals that {pipeline.model_id} needs")
        site = pipeline.site
        site.registry.choose(site.tenant, site.line, pipeline.model_id, champion)
        self._lives.pop(_key(pipeline))
        self._life(fresh)
        _log.info("champion_changed", model=pipeline.model_id, line=site.line, version=champion)
        return fresh

    def followed(self, pipeline: Pipeline) -> None:
        """Take what the turn has shown: drift, shadows, and reports that are due.

        Raises:
            ApiError: the token is refused.
        """
        life = self._life(pipeline)
        notes = pipeline.outputs.notes
        _learn(life.drift, Notes() if notes is None else notes.take())
        self._tell_drift(pipeline, life)
        role = self._role(pipeline)
        wanted = () if role is None else role.shadow
        life.trials = {name: trial for name, trial in life.trials.items() if name in wanted}
        for challenger in wanted:
            self._beside(pipeline, life, challenger)

    def _beside(self, pipeline: Pipeline, life: _Life, challenger: str) -> None:
        try:
            if challenger not in life.trials:
                life.trials[challenger] = _trial(pipeline, challenger)
            trial = life.trials[challenger]
            if trial is None or not trial.turn():
                return
        except self._failures as error:
            life.trials[challenger] = None
            _log.warning("trial_ended", model=pipeline.model_id, version=challenger, reason=str(error))
            return
        level: Level = "watch" if trial.verdict == "challenger better" else "ok"
        evidence = trial.document()
        self._tell(
            pipeline, life, trial.sides[1].card, ("comparison", level, trial.moment),
            evidence | wording.comparison(evidence),
        )  # fmt: skip

    def _tell_drift(self, pipeline: Pipeline, life: _Life) -> None:
        drift = life.drift
        if not drift.tested:
            return
        evidence = drift.document() | {"since": drift.since and from_us(drift.since).isoformat()}
        evidence |= wording.drift(evidence, drift.level)
        self._tell(pipeline, life, pipeline.card, ("drift", drift.level, drift.moment), evidence)
        last = life.told.get(("proposal", pipeline.card.version))
        if drift.level != "act" or (last and drift.moment - last[0] < _PROPOSAL_US):
            return
        offered: dict[str, Any] = {
            "drift": evidence,
            "trained_to": pipeline.card.trained_to,
            "newest": from_us(drift.moment).isoformat(),
            "evaluation": self._evaluated(pipeline, drift.moment),
        }
        self._tell(
            pipeline, life, pipeline.card, ("proposal", "act", drift.moment),
            offered | wording.proposal(offered),
        )  # fmt: skip

    def _evaluated(self, pipeline: Pipeline, moment: int) -> dict[str, Any] | None:
        try:
            return self._propose(pipeline, moment)
        except self._failures as error:
            _log.warning("proposal_without_evaluation", model=pipeline.model_id, reason=str(error))
            return None

    def _tell(
        self, pipeline: Pipeline, life: _Life, card: ModelCard, what: tuple[str, Level, int],
        evidence: dict[str, Any],
    ) -> None:  # fmt: skip
        """Report when the level has changed, or an hour of data has passed."""
        kind, level, moment = what
        last = life.told.get((kind, card.version))
        if last is not None and last[1] == level and moment - last[0] < _REPORT_US:
            return
        taken = self._roles.report(
            pipeline.site.tenant, card, kind=kind, level=level, moment=from_us(moment), evidence=evidence
        )
        if taken:
            life.told[kind, card.version] = (moment, level)

    def _role(self, pipeline: Pipeline) -> Role | None:
        return self._roles.of(*_key(pipeline))

    def _life(self, pipeline: Pipeline) -> _Life:
        key = _key(pipeline)
        known = self._lives.get(key)
        if known is None or known.version != pipeline.card.version:
            drift = ModelDrift.of(pipeline.reference, pipeline.expected_hits())
            known = self._lives[key] = _Life(drift, pipeline.card.version)
            pipeline.outputs.notes = Notes()
        return known


def _key(pipeline: Pipeline) -> tuple[str, str, str]:
    return pipeline.site.tenant, pipeline.site.line, pipeline.model_id


def _learn(drift: ModelDrift, notes: Notes) -> None:
    for seen in notes.seen:
        drift.saw(seen.ts, seen.values)
    for stated in notes.predictions:
        drift.stated(stated.target, to_us(stated.window_end), stated.probability)
    for case in notes.cases:
        if case.right is not None:
            drift.judged(case.target, case.end, right=case.right)


def _trial(pipeline: Pipeline, challenger: str) -> Trial:
    trial = Trial((twin(pipeline, pipeline.card.version), twin(pipeline, challenger)))
    trial.begin(to_us(datetime.now(UTC) - _TRIAL))
    return trial
