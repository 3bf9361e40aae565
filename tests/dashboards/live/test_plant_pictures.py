"""Pictures that many look at: read once, and never anybody else's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tundish_dashboards.plant import page as page_of_plant
from tundish_platform.store.lifecycle.quota import OverQuota

if TYPE_CHECKING:
    import pytest
    from conftest import Live
    from werkzeug.test import TestResponse

    from tundish_dashboards.callbacks import TenantView


def asked_for_trends(live: Live, login: str, language: str, signals: list[int]) -> TestResponse:
    output = next(o for o in live.site.dash.callback_map if "trend-figure" in o)
    body = live.site.body(output, "/plant/own-plant")
    given = {"trend-signals": [str(n) for n in signals], "line-choice": live.lines["own-plant"]}
    for part in body["inputs"]:
        part["value"] = given.get(part["id"])
    client = live.site.visitor(login)
    headers = {"Origin": "http://localhost", "Accept-Language": language}
    return client.post("/_dash-update-component", json=body, headers=headers)


def test_one_picture_is_read_once_for_all_who_look_and_never_for_others(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.send("own-plant", 7.25)
    reads: list[tuple[str, str]] = []
    read = page_of_plant.read_rows

    def counted(view: TenantView, *rest: object) -> object:
        reads.append((view.scope.slug, view.person.language.value))
        return read(view, *rest)

    monkeypatch.setattr(page_of_plant, "read_rows", counted)
    number = int(live.number("own-plant"))
    time.sleep(1.0)
    answers = [
        asked_for_trends(live, who, "en", [number]) for who in ("insider", "viewer", "insider", "shift")
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert reads == [("own-plant", "en")]
    assert asked_for_trends(live, "viewer", "zh-CN", [number]).status_code == 200
    assert reads[1:] == [("own-plant", "zh-CN")]


def test_a_plant_over_its_quota_is_told_to_wait(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def over(*_: object) -> None:
        raise OverQuota("turns", 1.0)

    live.send("own-plant", 8.25)
    time.sleep(1.0)
    monkeypatch.setattr(page_of_plant, "read_rows", over)
    assert asked_for_trends(live, "insider", "en", [int(live.number("own-plant"))]).status_code == 429
