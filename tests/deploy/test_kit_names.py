from __future__ import annotations

import tomllib
from pathlib import Path

from tundish_analytics.worker.loop import PIPELINES
from tundish_dashboards.routes import Page
from tundish_platform.assets.units import conversion
from tundish_platform.samples.kits import kits
from tundish_platform.samples.semantics import semantic_kind

SHELF = Path(__file__).parents[2] / "apps-marketplace"


def test_kits_name_models_pages_and_apps_that_there_are() -> None:
    apps = {tomllib.loads(file.read_text("utf-8"))["id"] for file in SHELF.glob("*/*/app.toml")}
    models = {pipeline.model_id for pipeline in PIPELINES}
    assert apps
    for kit in kits().values():
        assert set(kit.models) <= models, kit.id
        assert set(kit.dashboards) <= set(Page), kit.id
        assert set(kit.apps) <= apps, kit.id
        assert kit.rules, kit.id
        assert all(rule.advice_zh and rule.advice_en for rule in kit.rules), kit.id


def test_signals_of_kits_are_of_known_kinds_in_units_that_convert_to_the_kinds() -> None:
    for kit in kits().values():
        for spec in kit.signals:
            kind = semantic_kind(spec.semantic)
            assert kind is not None, spec.path
            if spec.unit and kind.unit:
                conversion(spec.unit, kind.unit)
