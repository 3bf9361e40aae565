"""`tundish evaluate`: what its JSON says, and all evaluations in one command."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tundish_analytics.evaluate.skab import SIGNALS
from tundish_deploy.cli import app
from tundish_deploy.evaluations import EVALUATIONS, NOT_SHIPPED, given_paths

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "hydraulic", "igbt", "mosfet", "steel-plates", "steel-energy", "cmapss", "skab", "tep", "bearings",
    "ai4i", "gas-turbine",
)  # fmt: skip


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    generator, folder = np.random.default_rng(1), tmp_path / "given" / "skab"
    folder.mkdir(parents=True)
    for number in range(3):
        rows = pd.DataFrame(generator.normal(size=(450, 8)), columns=list(SIGNALS)).assign(anomaly=0)
        rows.loc[410:, "anomaly"] = 1
        rows.loc[410:, list(SIGNALS)] += 4
        rows.to_csv(folder / f"{number}.csv", sep=";", index=False)
    return folder


def test_every_name_is_a_command() -> None:
    assert set(NAMES) <= set(EVALUATIONS)
    said = CliRunner().invoke(app, ["evaluate", "--help"]).output
    assert not [name for name in (*NAMES, "all") if name not in said]


def test_the_json_says_figures_intervals_protocol_guard_data_and_commit(experiments: Path) -> None:
    ran = CliRunner().invoke(app, ["evaluate", "skab", "--data", str(experiments), "--json"])
    found = json.loads(ran.stdout)
    assert found["name"] == "evaluate skab"
    assert found["commit"]
    assert all(len(found[word]) > 20 for word in ("protocol", "guard", "intervals"))
    sums = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in experiments.iterdir())
    whole = hashlib.sha256("".join(sums).encode()).hexdigest()
    assert found["data"] == {"given": "skab", "files": 3, "sha256": whole}
    figures = {figure["name"]: figure for figure in found["figures"]}
    f1 = figures["outlier_f1"]
    assert 0.8 < f1["low"] <= f1["value"] <= f1["high"] <= 1
    assert (f1["bar"], f1["holds"]) == (0.8, True)
    assert figures["outlier_f1, plain T² of all signals"]["low"] is None
    table = CliRunner().invoke(app, ["evaluate", "skab", "--data", str(experiments)]).output
    assert "outlier_f1" in table
    assert "guard: Labels are read after" in table


def test_what_cannot_be_judged_ends_with_a_reason_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("a,b\n1,2\n")
    for name in NAMES:
        ran = CliRunner().invoke(app, ["evaluate", name, "--data", str(tmp_path / "some.csv")])
        assert ran.exit_code == 1, name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in ran.output), name
        assert "Traceback" not in ran.output
    for name in NOT_SHIPPED:
        assert "--data" in CliRunner().invoke(app, ["evaluate", name]).output


def test_all_runs_what_is_given_and_keeps_what_is_not(experiments: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "tep.json").write_text("old")
    command = ["evaluate", "all", "--out", str(out), "--only", "skab", "--only", "tep"]
    ran = CliRunner().invoke(app, [*command, "--data", str(experiments.parent)])
    assert ran.exit_code == 0
    assert "tep: not run" in ran.output
    assert json.loads((out / "skab.json").read_text("utf-8"))["data"]["files"] == 3
    assert (out / "tep.json").read_text() == "old"
    (tmp_path / "bad.csv").write_text("a\n1\n")
    ran = CliRunner().invoke(app, [*command, "--data", f"skab={tmp_path / 'bad.csv'}"])
    assert ran.exit_code == 1
    assert given_paths([f"skab={experiments}", str(experiments.parent)]) == {"skab": experiments}
    assert CliRunner().invoke(app, [*command, "--data", "nothing"]).exit_code == 1
