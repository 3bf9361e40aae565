"""Ways to pay in a manifest: one as before, or several."""

from __future__ import annotations

import pytest

from tundish_platform.sdk import ManifestError, PlanKind, UnknownPlan
from tundish_platform.sdk.manifest import parse_manifest

BASE = """
id = "x"
version = "1.0.0"
entry = "tundish_app_x.app:run"
publisher = "p"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = { zh = "名", en = "n" }
description = { zh = "述", en = "d" }
data_use = { zh = "用", en = "u" }
inputs = [{ key = "any", semantic = "pressure.*", name = { zh = "压", en = "p" } }]
outputs = [{ key = "number", name = { zh = "数", en = "n" } }]
"""
MONTH = '{ key = "month", kind = "flat", fen = 100, trial_days = 7, name = { zh = "月", en = "m" } }'
RUN = '{ key = "run", kind = "per_run", fen = 3, name = { zh = "次", en = "r" } }'


def test_one_price_reads_as_one_plan_as_before() -> None:
    (free,) = parse_manifest(BASE.encode(), "x").offers
    assert (free.key, free.kind, free.fen, free.trial_days) == ("free", PlanKind.FREE, 0, 0)
    told = f'{BASE}\nprice = {{ plan = "per_signal", fen_per_month = 50 }}'
    (plan,) = parse_manifest(told.encode(), "x").offers
    assert (plan.key, plan.kind, plan.fen) == ("per_signal", PlanKind.PER_SIGNAL, 50)


def test_several_plans_are_offered_by_key_the_first_by_default() -> None:
    found = parse_manifest(f"{BASE}\nplans = [{MONTH}, {RUN}]".encode(), "x")
    assert [plan.key for plan in found.offers] == ["month", "run"]
    assert (found.offer().key, found.offer("run").kind) == ("month", PlanKind.PER_RUN)
    with pytest.raises(UnknownPlan):
        found.offer("year")


@pytest.mark.parametrize(
    "wrong",
    [
        f'price = {{ plan = "flat", fen_per_month = 5 }}\nplans = [{MONTH}]',
        f"plans = [{MONTH}, {MONTH}]",
        f"plans = [{MONTH.replace('fen = 100', 'fen = 0')}]",
        f"plans = [{MONTH.replace('fen = 100', 'fen = -1')}]",
        'plans = [{ key = "free", kind = "free", trial_days = 3, name = { zh = "免", en = "f" } }]',
        f"plans = [{RUN.replace('per_run', 'per_row')}]",
    ],
)
def test_plans_that_contradict_each_other_are_refused(wrong: str) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(f"{BASE}\n{wrong}".encode(), "x")
