"""What the rules make of the shipped recordings, and figures by people's feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tundish_analytics import tables
from tundish_analytics.evaluate import evaluate_field, field_metrics
from tundish_analytics.evaluate.alerts import hydraulic_alerts, igbt_alerts, mosfet_alerts
from tundish_analytics.models.card import card_page
from tundish_analytics.models.registry import ModelCard

if TYPE_CHECKING:
    import pandas as pd
    import pytest

    from tundish_analytics.evaluate import Figure
    from tundish_analytics.tables import HydraulicData
    from tundish_platform.sdk.calls.alert_answers import Outcome


def values(figures: list[Figure]) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


def test_the_igbt_is_told_of_half_an_hour_before_the_criterion(igbt_seconds: pd.DataFrame) -> None:
    found = values(igbt_alerts(tables.seconds_from_table(igbt_seconds)))
    assert found["igbt lead time to 5 %"] >= 1800
    assert found["igbt alerts"] <= 2


def test_each_device_is_told_of_before_its_end(mosfet_records: pd.DataFrame) -> None:
    found = values(mosfet_alerts(tables.devices_from_table(mosfet_records)))
    leads = [value for name, value in found.items() if name.endswith("lead time")]
    assert len(leads) == 3
    assert min(leads) > 200
    assert found["mosfet horizons that held the end when last told"] >= 0.5


def test_alerts_are_judged_by_the_inspections(
    hydraulic_data: HydraulicData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the truth as reading all alerts are true; with a model that always says ill few are."""
    monkeypatch.setattr(
        "tundish_analytics.evaluate.alerts._cross_read",
        lambda data: (data.labels, np.ones(data.labels.shape)),
    )
    truth, counts = hydraulic_alerts(hydraulic_data)
    assert values(truth)["hydraulic alerts that are true"] == 1.0
    assert values(truth)["valve ill runs seen"] == 1.0
    assert counts["hydraulic alerts"] == sum(v for n, v in values(truth).items() if n.endswith(" alerts"))
    monkeypatch.setattr(
        "tundish_analytics.evaluate.alerts._cross_read",
        lambda data: (np.tile([3.0, 73.0, 2.0, 90.0], (len(data.labels), 1)), np.ones(data.labels.shape)),
    )
    healthy = hydraulic_data.take(hydraulic_data.labels[:, 1] == 100)
    always, _ = hydraulic_alerts(healthy)
    assert values(always)["valve alerts that are true"] == 0.0


def outcome(**more: object) -> Outcome:
    known: Outcome = {
        "model": "m", "version": "v1", "alerts": 9, "open": 1, "answered": 5, "confirmed": 3, "false": 1,
        "unclear": 1, "answered_share": 5 / 9, "precision": 0.75, "precision_low": 0.3,
        "precision_high": 0.95, "leads": 0, "lead_q1_s": None, "lead_median_s": None, "lead_q3_s": None,
        "avoided_cost": 0.0, "currency": "CNY",
    }  # fmt: skip
    return known | more  # type: ignore[return-value,operator] # of the same keys


def test_feedback_comes_back_as_figures_and_on_the_card() -> None:
    found = evaluate_field({"total": outcome(), "versions": [outcome()]})
    assert values(list(found.figures))["m v1 field_precision"] == 0.75
    assert found.facts == {"alerts": 9, "open": 1, "answered": 5}
    metrics = field_metrics(outcome())
    assert "field_lead_median_s" not in metrics
    assert field_metrics(outcome(precision=None, precision_low=None, precision_high=None)) == {
        "field_answered_share": 5 / 9
    }
    times = dict.fromkeys(("trained_from", "trained_to"), "2026-01-01T00:00:00+00:00")
    texts = dict.fromkeys(("protocol_zh", "protocol_en", "limits_zh", "limits_en"), "-")
    card = ModelCard(model="m", line="L", cases=1, features=(), metrics={"macro_f1": 0.9}, **times, **texts)
    assert "| field_precision | 0.75 |" in card_page(card, "zh", metrics)
    assert "field_precision" not in card_page(card, "en")
