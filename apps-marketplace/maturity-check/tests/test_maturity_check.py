"""Scores worked out by hand, bounds of the levels, and evidence apart from answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tundish_app_maturity_check
from tundish_app_maturity_check.app import questions, run
from tundish_app_maturity_check.evidence import RULES, borne_out, contradicted, measured
from tundish_app_maturity_check.scoring import level_of, score

from tundish_platform.sdk import AppInputs, AppOutputs, RecordKind, read_manifest, record_table
from tundish_platform.sdk.testing import check_app, example_inputs

FOLDER = Path(tundish_app_maturity_check.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")


def asked(answers: dict[str, str], counts: dict[str, float] | None = None, version: str = "") -> AppInputs:
    """A window with these answers and counts; without counts usage was not granted."""
    base = example_inputs(MANIFEST, folder=FOLDER)
    edition = version or questions().version
    rows = [{"question": key, "answer": one, "version": edition} for key, one in answers.items()]
    records = {RecordKind.ANSWERS: record_table(RecordKind.ANSWERS, rows)}
    if counts is not None:
        told = [{"figure": key, "value": value} for key, value in counts.items()]
        records[RecordKind.USAGE] = record_table(RecordKind.USAGE, told)
    return replace(base, records=records)


def values_of(outputs: AppOutputs) -> dict[str, object]:
    return {value.output: value.value for value in outputs.values}


def all_with(choice: str) -> dict[str, str]:
    return {question.key: choice for question in questions().questions}


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_there_are_four_dimensions_and_sixteen_indicators() -> None:
    found = questions()
    assert [group.key for group in found.groups] == ["basis", "operation", "management", "effect"]
    assert [sum(q.group == g.key for q in found.questions) for g in found.groups] == [3, 6, 4, 3]
    assert sum(group.weight for group in found.groups) == 100


@pytest.mark.parametrize(
    ("choice", "total", "level"),
    [("none", 0.0, 0), ("begun", 25.0, 1), ("partly", 50.0, 2), ("mostly", 75.0, 3), ("fully", 100.0, 4)],
)
def test_the_same_answer_everywhere_is_worth_its_own_points(choice: str, total: float, level: int) -> None:
    found = values_of(run(asked(all_with(choice))))
    assert (found["score"], found["level"], found["answered"]) == (total, level, 1.0)


def test_a_score_worked_out_by_hand() -> None:
    # Basis 25: two of three at 75. Operation 30: one of six at 100. Management 20: one of four at 50.
    answers = {"equipment": "mostly", "data": "mostly", "production": "fully", "people": "partly"}
    found = score(questions(), answers)
    assert found.total == pytest.approx(25 * (0.75 + 0.75) / 3 + 30 / 6 + 20 * 0.5 / 4)
    assert found.of("basis") == pytest.approx(50.0)
    assert found.of("effect") == 0.0
    assert found.answered == 4 / 16


@pytest.mark.parametrize("question", questions().questions, ids=lambda q: q.key)
def test_each_question_counts(question: object) -> None:
    key = question.key  # type: ignore[attr-defined] # a Question
    assert score(questions(), {key: "fully"}).total > score(questions(), {key: "begun"}).total > 0


@pytest.mark.parametrize(
    ("total", "level"),
    [(19.99, 0), (20.0, 1), (39.99, 1), (40.0, 2), (59.99, 2), (60, 3), (79.99, 3), (80, 4)],
)
def test_a_bound_belongs_to_the_level_above_it(total: float, level: int) -> None:
    assert level_of(total) == level


def test_evidence_is_told_apart_from_answers() -> None:
    answers = {"equipment": "fully", "strategy": "fully"}
    outputs = run(asked(answers, {"machines": 10, "connected_machines": 4}))
    # A third of 25 for the machines, of which 40 % are found; a quarter of 20 that nothing can speak for.
    machines, strategy = 25 / 3, 20 / 4
    assert values_of(outputs)["borne_out"] == pytest.approx(0.4 * machines / (machines + strategy))
    tables = {block.title.en: block for block in outputs.screen.blocks if block.type == "table"}
    assert [row[1:] for row in tables["Answered above what counts show"].rows] == [(100.0, 40.0)]


def test_more_evidence_than_answered_adds_nothing() -> None:
    found = score(questions(), {"equipment": "begun"})
    points = measured(found, {"machines": 10, "connected_machines": 10})
    assert (borne_out(found, points), contradicted(found, points)) == (1.0, [])


def test_without_counts_nothing_is_borne_out_and_nothing_contradicted() -> None:
    outputs = run(asked(all_with("fully")))
    assert values_of(outputs)["borne_out"] is None
    assert "Answered above what counts show" not in str(outputs.screen)
    assert measured(score(questions(), all_with("fully")), {"machines": 0.0}) == {}, (
        "none of none tells nothing"
    )


def test_each_rule_of_evidence_serves_a_question_and_each_evidence_has_a_rule() -> None:
    assert {question.evidence for question in questions().questions} - {""} == set(RULES)


def test_the_widest_gap_comes_first_with_an_app_that_helps() -> None:
    answers = all_with("fully") | {"equipment": "none", "design": "none"}
    tables = {b.title.en: b for b in run(asked(answers)).screen.blocks if b.type == "table"}
    rows = tables["The widest gaps"].rows
    assert [row[3] for row in rows] == ["energy-watch", None]
    assert [row[2] for row in rows] == pytest.approx([25 / 3, 5.0])


def test_answers_of_another_edition_are_said_to_be_so() -> None:
    words = str(run(asked({"equipment": "fully", "gone": "fully"}, version="2020-9")).screen)
    assert "edition 2020-9" in words
    assert "edition" not in str(run(asked({"equipment": "fully"})).screen)


def test_nobody_answered() -> None:
    outputs = run(asked({}, {"machines": 1}))
    assert outputs.values == ()
    assert "Nobody has answered" in str(outputs.screen)
