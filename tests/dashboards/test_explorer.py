"""The signal explorer: what it finds, what it draws of which window, and what it hands out as files."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from werkzeug.exceptions import BadRequest

from tundish_dashboards.explorer.window import LONGEST, SHORTEST, SPANS, wished_window
from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import EARLIEST, LATEST

if TYPE_CHECKING:
    from conftest import Site

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
HERE = "/explorer/own-plant"
ZONE = ZoneInfo("Asia/Shanghai")
NEWEST = datetime(2026, 3, 1, 4, tzinfo=UTC)


def asked(site: Site, part: str, login: str = "insider", path: str = HERE, **given: object) -> Any:  # noqa: ANN401 - JSON
    """A callback's answer by output; ``given`` are values of its inputs by id, with ``_`` for ``-``."""
    output = next(one for one in site.dash.callback_map if part in one)
    body = site.body(output, path)
    for one in (*body["inputs"], *body["state"]):
        if isinstance(one, dict) and (one["id"], one["property"]) != ("location", "pathname"):
            one["value"] = given.get(one["id"].replace("-", "_"))
    answer = site.visitor(login).post(UPDATE, json=body | given.get("more", {}), headers=ORIGIN)  # type: ignore[operator] # a dict
    assert answer.status_code == 200, answer.status_code
    return answer.json["response"]


def own(site: Site) -> list[int]:
    return list(site.signals["own-plant"].values())


def drawn(site: Site, wish: dict[str, str] | None, ids: list[int] | None = None, **more: object) -> Any:  # noqa: ANN401 - JSON
    return asked(
        site,
        "explorer-chart.figure",
        explorer_chosen=own(site) if ids is None else ids,
        explorer_window=wish,
        **more,
    )


@pytest.mark.parametrize("span", SPANS)
def test_a_span_ends_right_behind_the_newest_sample(span: str) -> None:
    found = wished_window({"span": span}, ZONE, NEWEST)
    assert (found.length, found.follows) == (SPANS[span], span)
    assert found.end - NEWEST == timedelta(microseconds=1)


def test_moments_are_those_of_the_plants_clock_and_come_back_as_they_were() -> None:
    wish = {"from": "2026-03-01 08:00", "to": "2026-03-01 09:30:00.1234"}
    found = wished_window(wish, ZONE, NEWEST)
    assert found.start == datetime(2026, 3, 1, 0, tzinfo=UTC)
    assert found.end == datetime(2026, 3, 1, 1, 30, 0, 123400, tzinfo=UTC)
    assert wished_window(found.kept(ZONE), ZONE, NEWEST) == found


@pytest.mark.parametrize(
    ("first", "last", "length"),
    [
        ("2026-03-01 08:00", "2026-03-01 08:00", SHORTEST),
        ("2026-03-01 09:00", "2026-03-01 08:00", timedelta(hours=1)),
        ("1900-01-01", "2026-03-01", LONGEST),
        ("2026-03-01", "9999-12-31", LONGEST),
    ],
)
def test_a_window_stays_within_what_can_be_stored_and_drawn(first: str, last: str, length: timedelta) -> None:
    found = wished_window({"from": first, "to": last}, ZONE, NEWEST)
    assert found.length == length
    assert EARLIEST <= found.start < found.end <= LATEST


@pytest.mark.parametrize(
    "wish", [5, [], {"from": "2026-03-01"}, {"from": "x", "to": "y"}, {"span": ["1h"]}, {"from": 1, "to": 2}]
)
def test_other_forms_are_refused(wish: object) -> None:
    with pytest.raises(BadRequest):
        wished_window(wish, ZONE, NEWEST)


def test_words_find_signals_and_only_ones_own(site: Site) -> None:
    found = str(asked(site, "explorer-found.children", explorer_terms="压力", explorer_kind="any"))
    assert "OWN-Site/Shop/L1/M1/C1/V1" in found
    assert "CANARY" not in found
    assert "没有找到信号" in str(asked(site, "explorer-found.children", explorer_terms="never-there"))
    kind = asked(site, "explorer-found.children", explorer_kind="pressure", explorer_unit="bar")
    assert "C1/V1" in str(kind)
    assert "C1/State" not in str(kind)
    assert "C1/V1" not in str(asked(site, "explorer-found.children", explorer_unit="K"))


def test_what_is_in_the_chart_cannot_be_added_again(site: Site) -> None:
    number = own(site)[0]
    offered = str(asked(site, "explorer-found.children", explorer_terms="V1"))
    taken = str(asked(site, "explorer-found.children", explorer_terms="V1", explorer_chosen=[number]))
    assert "explorer-add" in offered
    assert "explorer-add" not in taken
    assert "已在图表中" in taken


def test_an_address_chooses_signals_and_leaves_out_what_is_not_there(site: Site) -> None:
    first, second = own(site)
    output = "explorer-chosen.data"
    body = site.body(output, HERE)
    for one in body["inputs"]:
        if isinstance(one, dict) and one["property"] == "search":
            one["value"] = f"?signals={second},{4_000_000_000},{first},{second}"
    body["changedPropIds"] = ["location.search"]
    answer = site.visitor("insider").post(UPDATE, json=body, headers=ORIGIN)
    assert answer.json["response"]["explorer-chosen"]["data"] == [second, first]


def test_the_chart_shows_the_window_and_figures_of_just_it(site: Site) -> None:
    whole = drawn(site, {"span": "1h"})
    figure = whole["explorer-chart"]["figure"]
    shown = whole["explorer-shown"]["data"]
    start, end = (datetime.fromisoformat(shown[name]) for name in ("from", "to"))
    assert end - start == timedelta(hours=1)
    assert [datetime.fromisoformat(at) for at in figure["layout"]["xaxis"]["range"]] == [
        start.replace(microsecond=start.microsecond // 1000 * 1000),
        end.replace(microsecond=end.microsecond // 1000 * 1000),
    ]
    assert "424,271" in str(whole["explorer-figures"]) or "424,271.5" in str(whole["explorer-figures"])
    # The last second has the last sample alone, and the line runs into it from the one before.
    late = {"from": (end - timedelta(seconds=1)).isoformat(), "to": end.isoformat()}
    zoomed = drawn(site, late)
    assert "424,301" in str(zoomed["explorer-figures"])
    assert "424,271" not in str(zoomed["explorer-figures"])
    line = next(
        t for t in zoomed["explorer-chart"]["figure"]["data"] if t["mode"] == "lines" and len(t["x"]) > 1
    )
    assert datetime.fromisoformat(line["x"][0]) < end - timedelta(seconds=1)


def test_a_picture_that_the_browser_has_is_not_sent_again(site: Site) -> None:
    shown = drawn(site, {"span": "1h"})["explorer-shown"]["data"]
    output = next(one for one in site.dash.callback_map if "explorer-chart.figure" in one)
    body = site.body(output, HERE)
    values = {"explorer-chosen": own(site), "explorer-window": {"span": "1h"}, "explorer-shown": shown}
    for one in (*body["inputs"], *body["state"]):
        if one["id"] != "location":
            one["value"] = values.get(one["id"])
    assert site.visitor("insider").post(UPDATE, json=body, headers=ORIGIN).status_code == 204


def test_an_earlier_range_lies_beside_it(site: Site) -> None:
    shown = drawn(site, {"span": "1h"})["explorer-shown"]["data"]
    end = datetime.fromisoformat(shown["to"])
    last = {"from": (end - timedelta(seconds=20)).isoformat(), "to": end.isoformat()}
    alone, beside = (drawn(site, last, explorer_compared=name) for name in ("none", "before"))
    lines = [
        [trace for trace in one["explorer-chart"]["figure"]["data"] if trace["line"].get("dash") == "dot"]
        for one in (alone, beside)
        if "line" in one["explorer-chart"]["figure"]["data"][0]
    ]
    assert [len(found) for found in lines] == [0, 1]


def test_states_of_months_are_said_not_to_be_drawn(site: Site) -> None:
    short, long = (str(drawn(site, {"span": span})["explorer-chart"]["figure"]) for span in ("1d", "30d"))
    assert "OWN-STATE" in short
    assert "OWN-STATE" not in long
    assert "不显示状态" in long


def test_a_signal_that_is_not_there_is_not_drawn(site: Site) -> None:
    assert "还没有选择信号" in str(drawn(site, {"span": "1h"}, [4_000_000_000]))


def test_the_file_has_every_sample_of_the_window(site: Site) -> None:
    number = own(site)[0]
    shown = drawn(site, {"span": "1h"})["explorer-shown"]["data"]
    asked = {"signals": str(number), "from": shown["from"], "to": shown["to"], "form": "csv"}
    client = site.visitor("insider")
    answer = client.get(f"{HERE}/export", query_string=asked)
    table = pd.read_csv(io.BytesIO(answer.data))
    assert table["value"].tolist() == [424242.0 + n for n in range(60)]
    assert set(table["path"]) == {"OWN-Site/Shop/L1/M1/C1/V1"}
    parquet = client.get(f"{HERE}/export", query_string=asked | {"form": "parquet"})
    assert len(pd.read_parquet(io.BytesIO(parquet.data))) == 60
    words = asked | {"signals": str(own(site)[1]), "kind": SampleKind.TEXT.value}
    assert "OWN-STATE" in client.get(f"{HERE}/export", query_string=words).text


@pytest.mark.parametrize(("login", "status"), [(None, 401), ("neighbour", 404), ("bureau", 404)])
def test_nobody_else_gets_the_file(site: Site, login: str | None, status: int) -> None:
    asked = {"signals": str(own(site)[0]), "span": "1h"}
    assert site.visitor(login).get(f"{HERE}/export", query_string=asked).status_code == status


@pytest.mark.parametrize(
    "asked", [{"form": "exe"}, {"kind": "gap"}, {"signals": "x"}, {"from": "x", "to": "y"}]
)
def test_a_file_in_another_form_is_refused(site: Site, asked: dict[str, str]) -> None:
    given = {"signals": str(own(site)[0]), "span": "1h"} | asked
    if "from" in asked:
        del given["span"]
    assert site.visitor("insider").get(f"{HERE}/export", query_string=given).status_code == 400


def noted(site: Site, login: str, **given: object) -> Any:  # noqa: ANN401 - the test client's answer
    output = next(one for one in site.dash.callback_map if "explorer-noted.data" in one)
    body = site.body(output, HERE)
    values = {"explorer-note-add": 1} | {name.replace("_", "-"): value for name, value in given.items()}
    for one in (*body["inputs"], *body["state"]):
        if isinstance(one, dict) and one["id"] != "location":
            one["value"] = values.get(one["id"])
    body["changedPropIds"] = ["explorer-note-add.n_clicks"]
    return site.visitor(login).post(UPDATE, json=body, headers=ORIGIN)


def test_a_note_stands_on_the_chart_and_in_the_list_until_it_is_taken_away(site: Site) -> None:
    shown = drawn(site, {"span": "10m"})["explorer-shown"]["data"]
    made = noted(
        site,
        "insider",
        explorer_note_text="<b>换滤芯</b>",
        explorer_note_place="OWN-Site/Shop/L1",
        explorer_shown=shown,
    )
    assert "已添加批注" in made.text
    number = made.json["response"]["explorer-noted"]["data"]
    look = drawn(site, {"span": "10m"})
    assert "<b>换滤芯</b>" in str(look["explorer-notes"])
    (mark,) = [s for s in look["explorer-chart"]["figure"]["layout"]["shapes"] if s["yref"] == "paper"]
    assert mark["label"]["text"] == "&lt;b&gt;换滤芯&lt;/b&gt;", "Plotly takes it for text, not for markup"
    before = {"from": "2020-01-01", "to": "2020-01-02"}
    assert "没有批注" in str(drawn(site, before)["explorer-notes"])
    output = next(one for one in site.dash.callback_map if "explorer-noted.data" in one)
    body = site.body(output, HERE)
    where = {"role": "explorer-unnote", "number": number}
    body["inputs"][1] = [{"id": where, "property": "n_clicks", "value": 1}]
    body["changedPropIds"] = [json.dumps(where, separators=(",", ":"), sort_keys=True) + ".n_clicks"]
    assert "已删除批注" in site.visitor("insider").post(UPDATE, json=body, headers=ORIGIN).text
    assert "没有批注" in str(drawn(site, {"span": "10m"})["explorer-notes"])


def test_a_note_needs_words_a_place_that_exists_and_the_right_to_write(site: Site) -> None:
    shown = drawn(site, {"span": "10m"})["explorer-shown"]["data"]
    good = {"explorer_note_text": "x", "explorer_note_place": "OWN-Site/Shop/L1", "explorer_shown": shown}
    assert "请先填写批注" in noted(site, "insider", **good | {"explorer_note_text": "  "}).text
    assert "请先填写批注" in noted(site, "insider", **good | {"explorer_note_place": None}).text
    assert "没有信号" in noted(site, "insider", **good | {"explorer_note_place": "CANARY-Site/Shop/L1"}).text
    assert "批注过长" in noted(site, "insider", **good | {"explorer_note_text": "x" * 501}).text
    assert noted(site, "viewer", **good).status_code == 404
