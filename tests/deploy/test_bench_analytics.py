"""What the analytics benchmark measures is what it says, in small numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from tundish_deploy.benchmarks.analytics import run, training
from tundish_deploy.benchmarks.analytics.features import features_of_a_day
from tundish_deploy.benchmarks.analytics.rules import rules_over
from tundish_deploy.benchmarks.analytics.scoring import recorded_line, score_live, train_once
from tundish_deploy.benchmarks.analytics.training import Trained, train_machines
from tundish_deploy.benchmarks.clock import Cost
from tundish_deploy.commands.bench import app

if TYPE_CHECKING:
    from pathlib import Path


def test_a_day_of_features_is_a_day_of_each_signal() -> None:
    assert features_of_a_day(18, missing=0.5).count == 2 * 17 * 86_400


def test_live_scoring_writes_every_cycle_once_and_counts_what_arrived(tmp_path: Path) -> None:
    line = replace(recorded_line(every=4), cycles=20)
    train_once(line, tmp_path)
    whole, written = score_live(line, tmp_path)
    assert (whole.count, written) == (20 * 60 * 17, 5 * 20)
    holed, written = score_live(line, tmp_path, at_once=120, missing=0.2)
    assert 5 * 18 <= written <= 5 * 20
    assert holed.count == pytest.approx(0.8 * written / 5 * 60 * 17, rel=0.05)


def test_rules_are_measured_whole_and_live() -> None:
    costs = rules_over(4_000, repeats=1)
    assert {name: cost.count for name, cost in costs.items()} == dict.fromkeys(
        ("chart", "rules", "rules_live"), 4_000
    )


@pytest.mark.integration
def test_each_machine_gets_its_model_on_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MACHINES_A_TENANT", 2)
    told: list[tuple[int, int]] = []
    trained = train_machines(tmp_path, 4, 1, lambda *progress: told.append(progress))
    assert (trained.cost.count, trained.failed, trained.told) == (4, 0, 4)
    assert told[-1] == (4, 4)
    assert trained.better == trained.storing.count == 4
    assert trained.cost.cpu > 0
    assert {found.name for found in (tmp_path / "models").iterdir()} == {"plant-0", "plant-1"}


def test_a_thousand_models_need_a_thousand_models() -> None:
    figures = {f.name: f for f in run._trained(Trained(Cost(9.0, 5.0, 999), failed=1, told=1000), full=True)}
    assert figures["trained_models"].holds is False
    assert figures["training_failed"].holds is False
    assert figures["training_cpu_s_per_model"].value == pytest.approx(5 / 999)


def test_small_runs_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "recorded_line", lambda _every: recorded_line(every=12))
    monkeypatch.setattr(run, "train_once", lambda *_: Cost())
    monkeypatch.setattr(run, "score_live", lambda *_: (Cost(1.0, 1.0, 90_000), 5))
    small = ["analytics", "--signals", "17", "--every", "2", "--points", "3000", "--models", "0", "--json"]
    result = CliRunner().invoke(app, small)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    figures = {figure["name"]: figure for figure in document["figures"]}
    assert figures["scoring_samples_per_core_s"]["value"] == 90_000
    assert not [name for name, figure in figures.items() if figure["bar"] is not None]
    assert all(np.isfinite(figure["value"]) for figure in figures.values())
    assert {"features", "scoring", "rules", "training", "threads"} <= set(document["conditions"])
