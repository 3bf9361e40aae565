"""Files to take away, bounded answers of raw rows, and the ways to thin and to lay on a grid."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from tundish_platform.api import queries, raw
from tundish_platform.assets import upsert_signals
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.store.reading import TenantReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import World
    from werkzeug.test import TestResponse

    from tundish_platform.samples import SampleBatch

ROOT = "/api/v1/tenants/steel"
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
MONTH = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}


@pytest.fixture
def store(world: World, make_batch: Callable[..., SampleBatch]) -> Callable[..., None]:
    """Stores values of a signal, one a second."""

    def stored(key: str, values: list[Any], kind: SampleKind = SampleKind.NUMERIC, day: int = 0) -> None:
        start = START + timedelta(days=day)
        world.context.telemetry.append(
            world.scopes["steel"], [make_batch(kind, world.ids[key], values, start)]
        )

    return stored


def get(world: World, path: str, **query: object) -> TestResponse:
    client, header = world.app.test_client(), world.header("viewer")
    return client.get(f"{ROOT}/{path}", query_string=query, headers=header)


def _stream(data: io.BytesIO) -> pd.DataFrame:
    return pa.ipc.open_stream(data).read_pandas()


READERS: dict[str, tuple[Callable[..., pd.DataFrame], str, str]] = {
    "arrow": (_stream, "arrows", "application/vnd.apache.arrow.stream"),
    "feather": (pd.read_feather, "feather", "application/vnd.apache.arrow.file"),
    "parquet": (pd.read_parquet, "parquet", "application/vnd.apache.parquet"),
    "csv": (lambda f: pd.read_csv(f, parse_dates=["ts"]), "csv", "text/csv; charset=utf-8"),
}


@pytest.mark.parametrize("form", READERS)
def test_each_form_is_read_back_by_pandas_alone(world: World, store: Callable[..., None], form: str) -> None:
    specs = [
        SignalSpec(path=f"S/A/L2/M/C/{en}", name_zh=zh, name_en=en, semantic="x", unit=unit, period_s=1)
        for zh, en, unit in (("压力", "Pressure", "bar"), ("流量", "Flow", "L/min"))
    ]
    with world.context.metadata.session() as session:
        numbers = upsert_signals(session, world.scopes["steel"], "opc", specs)
    world.ids["pressure"], world.ids["flow"] = (numbers[spec.path] for spec in specs)
    store("pressure", [1.5, 2.5, 3.5])
    store("flow", [7.0], day=20)
    read, ending, media = READERS[form]
    answer = get(
        world, "export", signals=f"{world.ids['flow']},{world.ids['pressure']}", format=form, **MONTH
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media
    name = f"steel-numeric-20260101T000000Z-20260201T000000Z.{ending}"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
    table = read(io.BytesIO(answer.data))
    assert table["value"].tolist() == [1.5, 2.5, 3.5, 7.0]
    assert table["ts"].iloc[3] == START + timedelta(days=20)
    assert set(table["status_name"]) == {"Good"}
    assert table["unit"].tolist() == ["bar"] * 3 + ["L/min"]
    assert table["path"].iloc[0].endswith("/Pressure")


def test_a_file_of_another_kind_and_one_without_rows(world: World, store: Callable[..., None]) -> None:
    store("count", [2**53 + 1, -1], SampleKind.INTEGER)
    both = f"{world.ids['count']},{world.ids['pressure']}"
    answer = get(world, "export", signals=both, kind="integer", format="csv", **MINUTE)
    table = pd.read_csv(io.BytesIO(answer.data))
    assert table["value"].tolist() == [2**53 + 1, -1]
    empty = get(world, "export", signals=both, kind="text", format="parquet", **MINUTE)
    assert pd.read_parquet(io.BytesIO(empty.data)).empty
    unknown = get(world, "export", signals="1,999", **MINUTE)
    assert (unknown.status_code, unknown.get_json()["code"]) == (422, "unknown_signals")


def test_a_file_is_made_while_it_is_sent(
    world: World, store: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal with a sample a second is read in stretches of some days; a year has many."""
    for day in (0, 10, 20, 30):
        store("pressure", [1.0] * 3, day=day)
    reads: list[object] = []
    read = TenantReading.read

    def counted(self: TenantReading, *arguments: object) -> pa.Table:
        reads.append(arguments)
        return read(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(TenantReading, "read", counted)
    decade = {"start": "2026-01-01T00:00:00Z", "end": "2035-12-31T00:00:00Z"}
    header, query = world.header("viewer"), {"signals": world.ids["pressure"], "format": "csv", **decade}
    answer = world.app.test_client().get(f"{ROOT}/export", query_string=query, headers=header, buffered=False)
    begun = len(reads)
    whole = answer.data
    assert 1 <= begun < len(reads)
    # Two minutes of the plant "steel" are of today.
    assert len(pd.read_csv(io.BytesIO(whole))) == 12 + 120
    # Nothing is looked for behind the newest sample.
    ends = [arguments[3] for arguments in reads]  # type: ignore[index]
    assert max(ends) <= datetime.now(UTC)


def test_what_fails_at_once_answers_with_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> Iterator[bytes]:
        raise RuntimeError("secret of the inside")
        yield b""

    monkeypatch.setattr(world.context.telemetry, "export", fails)
    answer = get(world, "export", signals=world.ids["pressure"], **MINUTE)
    assert answer.status_code == 500
    assert answer.get_json()["message_zh"]
    assert "secret" not in answer.text


def test_rows_beyond_the_limit_are_refused_and_told_of_export(
    world: World, store: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    store("pressure", [1.0] * 60)
    query = {"signals": world.ids["pressure"], "format": "json", **MINUTE}
    monkeypatch.setitem(raw.MAX_ROWS, "json", 60)
    assert len(get(world, "samples", **query).get_json()) == 60
    monkeypatch.setitem(raw.MAX_ROWS, "json", 59)
    answer = get(world, "samples", **query)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "too_many_rows")
    assert "/export" in answer.get_json()["message"]
    assert "/export" in answer.get_json()["message_zh"]
    assert get(world, "samples", **(query | {"format": "arrow"})).status_code == 200
    monkeypatch.setattr(raw, "MAX_BYTES", 100)
    assert get(world, "samples", **(query | {"format": "arrow"})).status_code == 422


def test_rows_are_read_by_stretches_that_make_no_difference(
    world: World, store: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    store("pressure", [float(n) for n in range(60)])
    store("flow", [float(n) for n in range(60)])
    query = {"signals": f"{world.ids['flow']},{world.ids['pressure']}", "format": "json"}
    whole = get(world, "samples", **query, **MINUTE).get_json()
    monkeypatch.setattr(raw, "_ROWS_A_STRETCH", 14)
    assert get(world, "samples", **query, **MINUTE).get_json() == whole
    # Years by stretches of seven seconds would take a day to look through.
    years = {"start": "2016-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
    answer = get(world, "samples", **query, **years)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "too_many_rows")


def test_a_trend_is_thinned_as_asked(
    world: World, store: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Largest triangles keep the peak that bends the line, and no more than asked for."""
    values = [0.0] * 60
    values[30] = 9.0
    store("pressure", values)
    query = {"signals": world.ids["pressure"], "max_points": 10, **MINUTE}
    points = {
        thinning: [
            point["value"]
            for point in get(world, "trend", thinning=thinning, **query).get_json()[0]["points"]
        ]
        for thinning in ("extremes", "raw", "shape")
    }
    assert points["extremes"] == points["raw"]
    assert all(9.0 in found and len(found) <= 10 for found in points.values())
    assert points["shape"] != points["raw"]
    monkeypatch.setattr(raw, "MAX_READ", 59)
    for thinning, status in (("extremes", 200), ("raw", 422), ("shape", 422)):
        assert get(world, "trend", thinning=thinning, **query).status_code == status


def test_a_grid_holds_values_or_lies_on_the_line(world: World, store: Callable[..., None]) -> None:
    """Steps of the pressure at 0 s → 0 and 1 s → 1; half a second behind lies 0.5."""
    store("pressure", [0.0, 1.0])
    query = {"signals": world.ids["pressure"], "step_s": 0.5, **MINUTE}
    found = {
        word: pa.ipc.open_stream(get(world, "wide", **query, **chosen).data).read_all()
        for word, chosen in {
            "absent": {},
            "step": {"interpolation": "step"},
            "line": {"interpolation": "line"},
            "signal": {"interpolation": "signal"},
        }.items()
    }
    column = f"s{world.ids['pressure']}"
    first = {word: table[column].to_pylist()[:3] for word, table in found.items()}
    assert first["absent"] == first["step"] == [0.0, 0.0, 1.0]
    assert first["line"] == first["signal"] == [0.0, 0.5, 1.0]
    assert b"tundish.completeness" in found["line"].schema.metadata


@pytest.mark.integration
def test_the_client_asks_all_of_it(
    world: World, served: str, store: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store("pressure", [float(n % 5) for n in range(60)])
    number, end, file = world.ids["pressure"], START + timedelta(minutes=1), tmp_path / "steel.parquet"
    with Client(served, world.tokens["viewer"]) as client:
        size = client.export("steel", [number], START, end, file)
        assert (file.stat().st_size, len(pd.read_parquet(file))) == (size, 60)
        table = client.aggregate("steel", [number], START, end, timedelta(seconds=30), interpolation="step")
        assert table["count"].to_pylist() == [30, 30]
        assert table["mean"].to_pylist() == [2.0, 2.0]
        shift = client.aggregate("steel", [number], START, end, "shift", shifts="08:00,20:00")
        assert (shift["shift"].to_pylist(), shift["count"].to_pylist()) == (["08:00"], [60])
        asked = (START, end, timedelta(minutes=1))
        assert "canary-7f3a" not in client.states("steel", [world.ids["state"]], *asked)["state"].to_pylist()
        (trend,) = client.trend("steel", [number], START, end, 10, thinning="shape")
        assert len(trend["points"]) <= 10
        with pytest.raises(ApiError) as caught:
            client.export("steel", [999], START, end, file)
        assert (caught.value.status, caught.value.code) == (422, "unknown_signals")

        def broken(*_arguments: object) -> Iterator[bytes]:
            yield b"some"
            raise OSError("made up by the test")

        monkeypatch.setattr(world.context.telemetry, "export", broken)
        with pytest.raises(ApiError) as caught:
            client.export("steel", [number], START, end, tmp_path / "half.csv", form="csv")
        assert caught.value.code == "unreachable"
    assert [path.name for path in tmp_path.glob("*.*") if path.suffix in {".csv", ".parquet", ".part"}] == [
        file.name
    ]


def test_one_home_for_the_completeness_of_a_line(world: World) -> None:
    """The API tells what `line_completeness` says, and both mean the same hour."""
    (line,) = get(world, "lines").get_json()
    found = queries.line_completeness(world.context, world.scopes["steel"], line["line"])
    assert line["completeness"] == found.share
    # Two minutes of the hour have samples of the pressure, one of the flow.
    assert found.share == pytest.approx((120 + 60) / 2 / 3600, rel=0.03)
