"""Manifests, inputs and screens: what authors build on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tundish_platform.samples import BAD_NO_COMMUNICATION, SCHEMAS, SampleKind, SignalInfo, SignalRole
from tundish_platform.sdk import (
    AppInputs,
    ChartBlock,
    Column,
    Manifest,
    OutputValue,
    Screen,
    Series,
    TableBlock,
    TextBlock,
    Texts,
    missing_inputs,
)
from tundish_platform.sdk.manifest import Input, Need
from tundish_platform.sdk.wire import decode_inputs, encode_inputs

START = datetime(2026, 3, 1, tzinfo=UTC)
NAME = Texts(zh="名", en="name")


def info(number: int, semantic: str = "power.active.pump", **more: object) -> SignalInfo:
    base = {"id": number, "path": f"S/A/L/M/C/{number}", "source": "x", "name_zh": "名", "name_en": "n"}
    return SignalInfo.model_validate({**base, "semantic": semantic, **more})


def wanted(semantic: str, **more: object) -> Input:
    return Input.model_validate({"key": "k", "semantic": semantic, "name": NAME.model_dump(), **more})


def manifest(*inputs: Input) -> Manifest:
    return Manifest.model_validate(
        {
            "id": "a", "version": "1.0.0", "entry": "tundish_app_a:run", "name": NAME, "description": NAME,
            "publisher": "p", "problems": ["energy"], "inputs": inputs, "schedule_s": 60, "window_s": 600,
            "outputs": [{"key": "o", "name": NAME}], "data_use": NAME,
            "parameters": [
                {"key": "limit", "name": NAME, "default": 2.0}, {"key": "word", "name": NAME, "kind": "text"},
            ],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("semantic", "offered", "fits"),
    [
        ("power.active.*", "power.active.pump", True),
        ("power.active.*", "power.active", False),
        ("power.active.*", "power.reactive.pump", False),
        ("*", "anything.at.all", True),
        ("power.active", "power.active", True),
        ("power.active", "power.active.pump", False),
    ],
)
def test_semantic_kinds_match_whole_or_by_family(semantic: str, offered: str, fits: bool) -> None:
    assert wanted(semantic).matches(info(1, offered)) is fits


def test_kind_role_and_rate_decide_too() -> None:
    assert not wanted("*").matches(info(1, kind=SampleKind.TEXT))
    assert not wanted("*").matches(info(1, role=SignalRole.PREDICTION))
    assert not wanted("*").matches(info(1, role=SignalRole.OUTPUT))
    assert not wanted("*", roles=["result"]).matches(info(1))
    assert not wanted("*", max_period_s=10).matches(info(1, period_s=11))
    assert wanted("*", max_period_s=10).matches(info(1, period_s=10))


def test_missing_inputs_are_the_required_ones_and_a_choice_nobody_serves() -> None:
    inputs = [
        wanted("a", key="needed"),
        wanted("b", key="nice", need=Need.OPTIONAL),
        wanted("c", key="one", need=Need.ONE_OF),
        wanted("d", key="other", need=Need.ONE_OF),
    ]
    app = manifest(*inputs)
    assert missing_inputs(app, ()) == ("needed", "one", "other")
    assert missing_inputs(app, (info(1, "a"), info(2, "d"))) == ()


def test_settings_have_defaults_and_are_checked() -> None:
    app = manifest(wanted("a"))
    assert app.settings({}) == {"limit": 2.0}
    assert app.settings({"limit": 3.0, "word": "x"}) == {"limit": 3.0, "word": "x"}
    for wrong in ({"other": 1.0}, {"limit": "three"}, {"word": 1.0}):
        with pytest.raises(ValueError, match="parameter"):
            app.settings(wrong)


def window() -> AppInputs:
    uncertain, nan = 0x40000000, float("nan")
    rows = [
        (1, 0, 1.0, 0), (1, 1, 2.0, BAD_NO_COMMUNICATION), (1, 2, None, uncertain), (1, 3, nan, 0),
        (1, 4, 5.0, 0), (2, 0, 9.0, 0),
    ]  # fmt: skip
    schema = SCHEMAS[SampleKind.NUMERIC]
    columns = [list(c) for c in zip(*rows, strict=True)]
    columns[1] = [START + timedelta(seconds=s) for s in columns[1]]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    words = pa.table(
        [
            pa.array([3], pa.uint32()),
            pa.array([START], schema.field("ts").type),
            ["Execute"],
            pa.array([0], pa.uint32()),
        ],
        schema=SCHEMAS[SampleKind.TEXT],
    )
    signals = (info(1), info(2), info(3, "state.packml", kind=SampleKind.TEXT))
    tables = {SampleKind.NUMERIC: table, SampleKind.TEXT: words}
    return AppInputs(
        manifest(wanted("power.active.*")),
        START,
        START + timedelta(seconds=9),
        signals,
        tables,
        {"limit": 1.0},
    )


def test_good_leaves_out_bad_uncertain_and_missing_values_and_samples_keep_them() -> None:
    inputs = window()
    times, values = inputs.good(inputs.signals[0])
    assert values.tolist() == [1.0, 5.0]
    assert [t.item() for t in times] == [datetime(2026, 3, 1), datetime(2026, 3, 1, 0, 0, 4)]
    assert inputs.samples(inputs.signals[0]).num_rows == 5
    assert inputs.table("power.active.pump").num_rows == 6
    assert inputs.samples(inputs.signals[2]).column("value").to_pylist() == ["Execute"]


def test_a_signal_without_samples_gives_empty_arrays() -> None:
    inputs = window()
    times, values = inputs.good(info(77))
    assert (times.size, values.size) == (0, 0)
    assert inputs.table("no.such").num_rows == 0


def test_a_window_survives_the_wire() -> None:
    inputs = window()
    again = decode_inputs(encode_inputs(inputs))
    assert (again.manifest, again.start, again.end, again.signals) == (
        inputs.manifest, inputs.start, inputs.end, inputs.signals,
    )  # fmt: skip
    assert dict(again.parameters) == {"limit": 1.0}
    # As text, because NaN is not equal to itself.
    assert {k: str(t.to_pylist()) for k, t in again.tables.items()} == {
        k: str(t.to_pylist()) for k, t in inputs.tables.items()
    }


@given(st.sampled_from([float("nan"), float("inf"), -float("inf")]))
def test_screens_and_outputs_take_finite_numbers_only(value: float) -> None:
    with pytest.raises(ValidationError):
        OutputValue(output="o", ts=START, value=value)
    with pytest.raises(ValidationError):
        TableBlock(title=NAME, columns=(Column(name=NAME),), rows=((value,),))


def test_screens_are_data_of_matching_lengths() -> None:
    with pytest.raises(ValidationError):
        TableBlock(title=NAME, columns=(Column(name=NAME),), rows=((1.0, 2.0),))
    with pytest.raises(ValidationError):
        ChartBlock(title=NAME, x=(1.0,), x_name=NAME, series=(Series(name=NAME, y=(1.0, 2.0)),))
    with pytest.raises(ValidationError):
        Screen.model_validate({"blocks": [{"type": "html", "html": "<b>"}]})
    chart = ChartBlock(title=NAME, x=(START,), x_name=NAME, series=(Series(name=NAME, y=(None,)),))
    screen = Screen(blocks=(TextBlock(text=NAME), chart))
    assert Screen.model_validate_json(screen.model_dump_json()) == screen
