"""From statements to alerts: the same windows make the same alerts, in any order, in any pieces."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.alerts import (
    RULES,
    SILENT,
    Place,
    Standing,
    Watch,
    advance,
    read_statement,
    reports_of,
    resumed,
    rule_for,
)
from tundish_analytics.predictions import Evidence, Prediction
from tundish_analytics.worker.loop import PIPELINES
from tundish_platform.samples import AlarmPriority, AlertReport, Sureness

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
PLACE = Place("S/A/L", "冷却器状况", "Cooler condition")
COOLER = rule_for("hydraulic-condition", "cooler")
IGBT = rule_for("igbt-ageing", "vce_drift")
LIFE = rule_for("mosfet-life", "remaining_life")
assert COOLER
assert IGBT
assert LIFE
SHOWN = Evidence("S/A/L/M/T", "油温", "Oil temperature", 61.0, 45.0, "Cel", 0.6)
# What a statement of the cooler can be: sure of an illness, sure of health, unsure, or an abstention.
SAID = {
    "ill": (20.0, 0.99),
    "worse": (3.0, 0.97),
    "well": (100.0, 0.99),
    "unsure": (20.0, 0.5),
    "silent": (None, None),
}


def cooler(minute: int, word: str) -> Prediction:
    value, probability = SAID[word]
    return statement("hydraulic-condition", "cooler", minute, value, probability=probability)


def statement(  # noqa: PLR0913 - a statement is all of it
    model: str, target: str, minute: int, value: float | None, *, seconds: float = 60.0,
    low: float | None = None, high: float | None = None, probability: float | None = None,
) -> Prediction:  # fmt: skip
    end = BEGIN + timedelta(minutes=minute)
    return Prediction(
        model=model, version="v1", target=target, label_zh="下降", label_en="Reduced", value=value, unit="%",
        low=low, high=high, probability=probability, window_start=end - timedelta(seconds=seconds),
        window_end=end, completeness=0.98, evidence=(SHOWN,) * 7, check_zh="检查", check_en="Look",
        trained_from=BEGIN, trained_to=BEGIN, cases=9,
    )  # fmt: skip


def told(*words: str) -> list[Prediction]:
    return [cooler(minute, word) for minute, word in enumerate(words, 1)]


def spans(reports: list[AlertReport]) -> list[tuple[int, int | None]]:
    """Minutes of opening and closing."""
    return [(minute(r.opened_at), r.closed_at and minute(r.closed_at)) for r in reports]


def minute(at: datetime) -> int:
    return round((at - BEGIN).total_seconds() / 60)


def test_three_of_four_open_and_three_of_four_close() -> None:
    found = reports_of(
        COOLER, PLACE, told("well", "ill", "ill", "well", "ill", "ill", "well", "well", "well")
    )
    assert spans(found) == [(5, 9)]
    (alert,) = found
    assert minute(alert.since) == 1
    assert (alert.line, alert.target_zh, alert.version) == ("S/A/L", "冷却器状况", "v1")
    assert (alert.confidence, alert.sureness, alert.horizon) == (0.99, Sureness.PROBABILITY, None)
    assert alert.label_en == "Reduced"
    assert alert.check_zh == "检查"
    assert [one.signal for one in alert.evidence] == ["S/A/L/M/T"] * 5


def test_one_wrong_window_in_four_neither_opens_nor_closes() -> None:
    assert reports_of(COOLER, PLACE, told("well", "ill", "well", "well", "ill", "well", "well")) == []
    assert spans(reports_of(COOLER, PLACE, told(*["ill"] * 4, "well", "ill", "ill", "well", "ill"))) == [
        (3, None)
    ]


def test_between_the_limits_nothing_changes() -> None:
    assert reports_of(COOLER, PLACE, told(*["unsure"] * 9)) == []
    assert spans(reports_of(COOLER, PLACE, told(*["ill"] * 3, *["unsure"] * 20))) == [(3, None)]


def test_an_open_alert_grows_graver_and_not_less_so() -> None:
    watch, (first,) = advance(COOLER, PLACE, Watch(), told(*["ill"] * 3))
    assert first.priority is AlarmPriority.MEDIUM
    more = [cooler(4, "worse"), cooler(5, "worse"), cooler(6, "ill")]
    _, (grown,) = advance(COOLER, PLACE, watch, more)
    assert grown.priority is AlarmPriority.HIGH
    assert grown.opened_at == first.opened_at
    assert grown.value == 20.0


def test_windows_from_before_a_long_silence_count_no_more() -> None:
    late = [cooler(minute, "ill") for minute in (1, 2, 60, 61)]
    assert reports_of(COOLER, PLACE, late) == []
    assert spans(reports_of(COOLER, PLACE, [*late, cooler(62, "ill")])) == [(62, None)]


def test_three_minutes_at_least() -> None:
    brief = [replace(one, window_start=one.window_end) for one in told(*["ill"] * 3)]
    assert reports_of(COOLER, PLACE, brief) == []


words = st.lists(st.sampled_from(list(SAID)), max_size=24)


@settings(max_examples=40, deadline=None)
@given(words, st.randoms(use_true_random=False))
def test_order_and_repeats_of_windows_do_not_matter(said: list[str], chance: object) -> None:
    statements = told(*said)
    mixed = statements + statements[::2]
    chance.shuffle(mixed)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert reports_of(COOLER, PLACE, mixed) == reports_of(COOLER, PLACE, statements)


@settings(max_examples=40, deadline=None)
@given(words, st.data())
def test_a_restart_in_the_middle_makes_the_same_alerts(said: list[str], data: st.DataObject) -> None:
    """A watch that has only what the platform was told, and the store's statements, goes on as it was."""
    statements = told(*said)
    whole = {one.opened_at: one for one in reports_of(COOLER, PLACE, statements)}
    kept: dict[datetime, AlertReport] = {}
    watch = Watch()
    for end in range(len(statements) + 1):
        # Statements of the store up to here; some were judged before.
        watch, reports = advance(COOLER, PLACE, watch, statements[:end])
        kept |= {one.opened_at: one for one in reports}
        if data.draw(st.booleans()):
            newest = kept[max(kept)] if kept else None
            watch = resumed(COOLER, newest, statements[:end])
    # Repeated judging from the beginning finds nothing that is not known already.
    assert kept == whole


@settings(max_examples=40, deadline=None)
@given(words, st.lists(st.integers(0, 24), max_size=8))
def test_abstentions_neither_open_nor_close(said: list[str], places: list[int]) -> None:
    heard = [one for one in told(*said) if COOLER.condition.judge(one) is not Standing.ABSTAINS]
    silences = [
        replace(cooler(place, "silent"), window_end=BEGIN + timedelta(minutes=place, seconds=30))
        for place in places
    ]
    assert reports_of(COOLER, PLACE, [*heard, *silences]) == reports_of(COOLER, PLACE, heard)


@settings(max_examples=40, deadline=None)
@given(words)
def test_alerts_of_one_target_never_overlap_nor_flap(said: list[str]) -> None:
    found = spans(reports_of(COOLER, PLACE, told(*said)))
    ends = [0, *(end for _, end in found if end is not None)]
    for (opened, closed), before in zip(found, ends, strict=False):
        assert opened - before >= 3
        assert closed is None or closed - opened >= 3
    assert all(closed is not None for _, closed in found[:-1])


def drift(minute: int, percent: float, width: float = 0.2) -> Prediction:
    ends = {"low": percent - width, "high": percent + width}
    return statement("igbt-ageing", "vce_drift", minute, percent, seconds=300.0, **ends)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_drift_counts_with_its_whole_interval_and_on_either_side(sign: int) -> None:
    assert reports_of(IGBT, PLACE, [drift(n, sign * 2.6) for n in range(9)]) == []
    (alert,) = reports_of(IGBT, PLACE, [drift(n, sign * 2.8) for n in range(9)])
    assert (alert.priority, alert.confidence) == (AlarmPriority.MEDIUM, 0.8)
    grave = [drift(n, sign * (2.8 if n < 6 else 5.5)) for n in range(12)]
    assert reports_of(IGBT, PLACE, grave)[0].priority is AlarmPriority.HIGH
    # Hysteresis: back below the limit is not yet clear.
    back = [drift(n, sign * (2.8 if n < 6 else 2.3)) for n in range(30)]
    assert reports_of(IGBT, PLACE, back)[0].closed_at is None
    clear = [drift(n, sign * (2.8 if n < 6 else 1.5)) for n in range(30)]
    assert reports_of(IGBT, PLACE, clear)[0].closed_at is not None


def test_what_is_unusual_must_stay_so_and_is_no_probability_of_a_fault() -> None:
    def score(minute: int, value: float) -> Prediction:
        return statement("anomaly-watch", "anomaly", minute, value)

    rule = rule_for("anomaly-watch", "anomaly")
    assert rule
    # One good window in a hundred is as unusual: alone, or now and then, it means nothing.
    assert reports_of(rule, PLACE, [score(n, 0.995 if n % 2 else 0.5) for n in range(40)]) == []
    (alert,) = reports_of(rule, PLACE, [score(n, 0.995 if n < 9 else 0.97) for n in range(20)])
    assert (alert.sureness, alert.confidence, alert.priority) == (Sureness.RANK, 0.995, AlarmPriority.LOW)
    assert alert.closed_at is None
    (alert,) = reports_of(rule, PLACE, [score(n, 0.995 if n < 9 else 0.3) for n in range(20)])
    assert minute(alert.closed_at or BEGIN) == 13


def life(minute: int, left: float) -> Prediction:
    return statement(
        "mosfet-life", "remaining_life", minute, left, seconds=1000.0, low=left / 2, high=3 * left
    )


def test_a_life_tells_until_when_at_the_pace_of_its_window() -> None:
    (alert,) = reports_of(LIFE, PLACE, [life(n, 1200.0) for n in range(3)])
    assert alert.horizon is not None
    left = [
        (at - alert.window_end).total_seconds()
        for at in (alert.horizon.earliest, alert.horizon.expected_at, alert.horizon.latest)
        if at
    ]
    assert left == [600.0, 1200.0, 3600.0]
    assert alert.sureness is Sureness.INTERVAL


def test_a_new_device_closes_the_alert_of_the_old_one() -> None:
    old = [life(n, 400.0) for n in range(5)]
    quiet = [replace(one, value=None, low=None, high=None) for one in (life(n, 0.0) for n in range(5, 20))]
    (alert,) = reports_of(LIFE, PLACE, [*old, *quiet])
    assert (alert.closed_at, alert.priority) == (None, AlarmPriority.HIGH)
    (alert,) = reports_of(LIFE, PLACE, [*old, *quiet, *(life(n, 9000.0) for n in range(20, 24))])
    assert minute(alert.closed_at or BEGIN) == 22


def test_what_a_model_wrote_is_read_back_whole() -> None:
    said = life(3, 1200.0)
    document = json.loads(said.to_json()) | {"something_new": 1}
    document["evidence"][0]["more"] = True
    assert read_statement(json.dumps(document)) == said
    for text in ("", "[]", "{}", "3", '{"model": "m"}', said.to_json().replace("2026", "x")):
        with pytest.raises(ValueError, match=r"\w"):
            read_statement(text)


def test_every_target_has_a_rule_or_a_reason_to_be_silent() -> None:
    targets = {(kind.model_id, target.name) for kind in PIPELINES for target in kind.targets}
    ruled = {(rule.model, rule.target) for rule in RULES}
    assert targets <= ruled | set(SILENT)
    assert not ruled & set(SILENT)
    assert all(rule.reason for rule in RULES)
    for rule in RULES:
        assert 0 < rule.opens[0] <= rule.opens[1]
        # More than half of the windows on either side: the same windows can never both open and close.
        assert 2 * rule.closes[0] > rule.closes[1]
