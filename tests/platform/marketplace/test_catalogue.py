"""Finding apps without running them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tundish_platform.marketplace import Catalogue, UnknownApp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_platform.marketplace import App


def test_installed_apps_are_found_by_their_entry_points_without_being_imported() -> None:
    loaded = {name for name in sys.modules if name.startswith("tundish_app_")}
    found = Catalogue.find()
    assert {"energy-watch", "spc-monitor"} <= set(found.apps)
    assert {name for name in sys.modules if name.startswith("tundish_app_")} == loaded
    assert all(app.card("zh") and app.card("en") for app in found.apps.values())


def test_the_shelf_is_read_and_what_is_no_app_is_refused_with_a_reason(
    make_app: Callable[..., App], tmp_path: Path
) -> None:
    good = make_app("return said(inputs, 'x')", "good")
    bad = make_app("return said(inputs, 'x')", "bad")
    text = (bad.folder / "app.toml").read_text(encoding="utf-8")
    (bad.folder / "app.toml").write_text(text.replace("schedule_s = 60", "schedule_s = 1"), encoding="utf-8")
    elsewhere = make_app("return said(inputs, 'x')", "moved")
    elsewhere.folder.rename(elsewhere.folder.with_name("tundish_app_other"))
    found = Catalogue.find(tmp_path / "shelf", installed=False)
    assert list(found.apps) == ["good"]
    assert found.app("good").folder == good.folder
    assert any("schedule_s" in reason for reason in found.refused)
    assert any("tundish_app_moved" in reason for reason in found.refused)


def test_an_unknown_app_is_said_to_be_unknown(shelf: Catalogue) -> None:
    with pytest.raises(UnknownApp):
        shelf.app("nothing")
    assert [entry["id"] for entry in shelf.describe()] == ["quiet"]
