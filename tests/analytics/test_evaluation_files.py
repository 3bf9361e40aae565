"""Files of a set's columns in whatever form they come: read alike, or refused with what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate import (
    Unfit,
    evaluate_tep,
    read_ai4i,
    read_bearings,
    read_devices,
    read_energy,
    read_fleets,
    read_hydraulic,
    read_plates,
    read_seconds,
    read_skab,
    read_tep,
    read_turbine,
)
from tundish_analytics.evaluate.ai4i import LABEL, MEASURED
from tundish_analytics.evaluate.energy import DAY, LOAD, SAME_INTERVAL
from tundish_analytics.evaluate.files import digest, opened, read_file
from tundish_analytics.evaluate.fleets import COLUMNS
from tundish_analytics.evaluate.plates import FEATURES
from tundish_analytics.evaluate.skab import SIGNALS
from tundish_analytics.evaluate.tep import SIGNALS as TEP_SIGNALS
from tundish_analytics.evaluate.turbine import PROCESS, TARGETS
from tundish_analytics.evaluate.waveforms import SAMPLES
from tundish_analytics.tables import HYDRAULIC_COLUMNS, LABEL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def noise(columns: tuple[str, ...] | list[str], rows: int, seed: int = 1) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, len(columns))), columns=list(columns))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("skab", read_skab), ("ai4i", read_ai4i), ("energy", read_energy), ("turbine", read_turbine),
        ("plates", read_plates), ("devices", read_devices), ("seconds", read_seconds),
        ("hydraulic", read_hydraulic), ("tep", read_tep), ("fleet", read_fleets),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_both_languages(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    noise(["a", "b"], 3).to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(Unfit) as refused:
        read(tmp_path / f"{name}.csv")
    assert "缺少列" in refused.value.zh
    assert "has no column" in refused.value.en
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unfit, match="holds no"):
        read(tmp_path / "empty")


def test_separators_marks_and_decimal_commas_give_the_same_table(tmp_path: Path) -> None:
    plain = noise(["x", "y z"], 5).round(3)
    ways = ({}, {"sep": ";"}, {"sep": ";", "decimal": ","}, {"sep": "\t"}, {"encoding": "utf-8-sig"})
    for number, way in enumerate(ways):
        plain.to_csv(tmp_path / f"{number}.csv", index=False, **way)
        pd.testing.assert_frame_equal(read_file(tmp_path / f"{number}.csv"), plain)
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(Unfit, match="cannot be read"):
        read_file(tmp_path / "bad.parquet")


def test_the_digest_is_of_the_contents_that_were_read(tmp_path: Path) -> None:
    table = noise([*PROCESS, *TARGETS], 4)
    sums = []
    for name in ("a", "b", "c"):
        table.assign(CO=1.0 if name == "c" else 0.0).to_csv(tmp_path / f"{name}.csv", index=False)
        with opened() as paths:
            read_turbine(tmp_path / f"{name}.csv")
        sums.append(digest(paths))
    assert sums[0] == sums[1] != sums[2]


def test_rows_of_another_order_with_more_columns_and_holes_are_the_same_rows(tmp_path: Path) -> None:
    columns = [*PROCESS, *TARGETS]
    table = noise(columns, 6)
    table.loc[2, "AT"] = np.nan
    other = table[columns[::-1]].rename(columns={"NOX": "nox "}).assign(more="x")
    other.loc[2, "AT"] = np.nan
    table.to_parquet(tmp_path / "a.parquet")
    other.to_csv(tmp_path / "b.csv", index=False, na_rep="?")
    pd.testing.assert_frame_equal(read_turbine(tmp_path / "a.parquet"), read_turbine(tmp_path / "b.csv"))
    assert len(read_turbine(tmp_path)) == 12


def test_experiments_are_told_apart_by_their_files(tmp_path: Path) -> None:
    for name in ("valve1/0", "valve1/1", "other/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        rows = noise(SIGNALS, 8).assign(anomaly=0.0, changepoint=0.0, datetime="2020-03-09")
        rows.loc[3, "Current"] = np.nan
        rows.to_csv(tmp_path / f"{name}.csv", sep=";", index=False)
    noise(SIGNALS, 8).to_csv(tmp_path / "anomaly-free.csv", sep=";", index=False)
    table = read_skab(tmp_path)
    assert table["file"].value_counts().to_dict() == {"other/1.csv": 8, "valve1/0.csv": 8, "valve1/1.csv": 8}
    assert (table["Current"].iloc[3::8] == table["Current"].iloc[2::8].to_numpy()).all()


def process_run(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    run = noise(TEP_SIGNALS, rows, seed)
    run.iloc[160:, 3] += shift
    return run


def test_runs_come_as_published_texts_or_without_the_fault_free_ones(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "d00.dat", process_run(500, 1).to_numpy().T)
    np.savetxt(tmp_path / "d00_te.dat", process_run(300, 2).to_numpy())
    np.savetxt(tmp_path / "d14_te.dat", process_run(300, 3, 9.0).to_numpy())
    found = {figure.name: figure.value for figure in evaluate_tep(read_tep(tmp_path)).figures}
    assert found["mewma: detection of fault 14"] > 0.95
    assert found["mewma: false_alarm_rate"] < 0.02
    alone = [
        process_run(300, 10 + fault, 9.0).assign(file=f"d{fault}_te.dat", sample=range(300))
        for fault in (11, 12, 13, 14, 15)
    ]
    pd.concat(alone).to_parquet(tmp_path / "faults.parquet")
    evaluation = evaluate_tep(read_tep(tmp_path / "faults.parquet"))
    found = {figure.name: figure.value for figure in evaluation.figures}
    assert evaluation.facts["fault-free runs"] == "first 160 samples of the runs"
    assert min(found[f"mewma: detection of fault {n}"] for n in (11, 12, 13, 14, 15)) > 0.95
    assert found["mewma: false_alarm_rate"] < 0.02
    one = evaluate_tep(read_tep(tmp_path / "d14_te.dat"))
    assert {figure.name for figure in one.figures if "false" in figure.name} == set()


def factory(days: int, *, midnight_ends: bool) -> pd.DataFrame:
    """From a Wednesday on, the load being the number of the quarter."""
    start = pd.Timestamp("2018-01-03 00:15" if midnight_ends else "2018-01-03 00:00")
    time = pd.date_range(start, periods=days * 96, freq="15min")
    day = time - pd.Timedelta(minutes=1) if midnight_ends else time
    table = noise([LOAD, *SAME_INTERVAL], len(time))
    # As published: midnight stands under the date of the day that it ends.
    written = day.normalize() + (time - time.normalize())
    return table.assign(
        NSM=(time - time.normalize()).total_seconds().astype(int),
        date=written.strftime("%d/%m/%Y %H:%M"),
        **{LOAD: np.arange(len(time)), DAY: day.day_name()},
    )


@pytest.mark.parametrize("midnight_ends", [True, False])
def test_quarters_that_are_missing_leave_holes_and_do_not_shift_the_day(
    tmp_path: Path, *, midnight_ends: bool
) -> None:
    whole = factory(40, midnight_ends=midnight_ends)
    whole.to_csv(tmp_path / "whole.csv", index=False)
    whole.drop(index=range(100, 600)).to_csv(tmp_path / "gap.csv", index=False)
    expected, table = read_energy(tmp_path / "whole.csv"), read_energy(tmp_path / "gap.csv")
    assert expected[LOAD].tolist() == list(range(40 * 96))
    assert table[LOAD].isna().sum() == 500
    assert table[[DAY, "NSM"]].equals(expected[[DAY, "NSM"]])
    assert (table[DAY].iloc[0], table["NSM"].iloc[0]) == ("Wednesday", 900 if midnight_ends else 0)
    whole.head(30 * 96).to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(Unfit, match="36 days"):
        read_energy(tmp_path / "short.csv")


def test_rows_without_a_label_are_left_out(tmp_path: Path) -> None:
    table = noise(MEASURED[1:], 40).assign(Type=["L", "M", "H", "?"] * 10, TWF=0)
    table[LABEL] = [0, 1] * 19 + [np.nan, 0]
    table.to_csv(tmp_path / "rows.csv", index=False)
    assert len(read_ai4i(tmp_path / "rows.csv")) == 29
    table.assign(**{LABEL: 0}).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(Unfit, match="fewer than two rows failed"):
        read_ai4i(tmp_path / "rows.csv")
    plates = noise(FEATURES, 6).assign(fault_class=["a", "a", "b", "b", None, "a"], more=1.0)
    plates.to_csv(tmp_path / "plates.csv", index=False)
    assert read_plates(tmp_path / "plates.csv")[0].shape == (5, 27)


def bench(cycles: range, first_second: int) -> pd.DataFrame:
    rows = noise([*HYDRAULIC_COLUMNS], 60 * len(cycles), cycles.start)
    seconds = np.tile(np.arange(60) + first_second, len(cycles))
    return rows.assign(cycle=np.repeat(list(cycles), 60), second=seconds)


def test_cycles_come_in_parts_with_holes_or_as_texts(tmp_path: Path) -> None:
    labels = pd.DataFrame({"cycle": range(1, 8)}).assign(**dict.fromkeys(LABEL_COLUMNS, 3.0), stable=1)
    labels.to_csv(tmp_path / "conditions.csv", index=False)
    bench(range(1, 4), 1).drop(index=7).to_parquet(tmp_path / "a.parquet")
    bench(range(4, 6), 1).to_csv(tmp_path / "b.csv", index=False)
    found = read_hydraulic(tmp_path)
    assert found.windows.shape == (5, 60, 17)
    assert np.isnan(found.windows).sum() == 17
    assert np.isnan(found.windows[0, 7]).all()
    texts = tmp_path / "texts"
    texts.mkdir()
    np.savetxt(texts / "profile.txt", [[3, 100, 0, 130, 1]] * 2)
    for name in HYDRAULIC_COLUMNS:
        np.savetxt(
            texts / f"{name}.txt", np.arange(1200).reshape(2, 600) if name == "FS1" else np.ones((2, 60))
        )
    published = read_hydraulic(texts)
    assert published.windows[0, :, list(HYDRAULIC_COLUMNS).index("FS1")].tolist() == [
        4.5 + 10 * second for second in range(60)
    ]
    (texts / "PS4.txt").unlink()
    with pytest.raises(Unfit, match=r"no PS4\.txt"):
        read_hydraulic(texts)


def test_sensors_that_are_not_known_do_not_stop_an_engine(tmp_path: Path) -> None:
    rows = noise(COLUMNS, 50).assign(unit=np.repeat([1, 2], 25), cycle=[*range(1, 26)] * 2)
    rows.loc[[0, 30], "s4"] = np.nan
    rows.sample(frac=1, random_state=1).to_csv(tmp_path / "mine.csv", index=False)
    (fleet,) = read_fleets(tmp_path / "mine.csv")
    assert fleet.train is not None
    assert fleet.train.sensors[30, 3] == fleet.train.sensors[29, 3]
    assert np.isnan(fleet.train.sensors[0, 3])


def test_a_bearing_comes_as_published_in_a_folder_of_snapshots(tmp_path: Path) -> None:
    folder = tmp_path / "Learning_set" / "Bearing2_1"
    folder.mkdir(parents=True)
    for number in range(1, 4):
        sine = 2 * np.sin(np.arange(SAMPLES))
        rows = np.column_stack([np.zeros((SAMPLES, 4)), sine, sine])
        rows = rows[:-1] if number == 3 else rows
        np.savetxt(folder / f"acc_{number:05}.csv", rows, delimiter="," if number == 1 else ";", fmt="%.3f")
    runs = read_bearings(tmp_path)
    assert list(runs) == ["2_1"]
    assert runs["2_1"].indicators[:, 0] == pytest.approx([np.sqrt(2)] * 2, rel=0.01)


def test_devices_and_pulses_are_read_in_any_order(tmp_path: Path) -> None:
    records = pd.DataFrame({"device": [7, 7, 36, 7], "i": [2, 0, 0, 1], "dR": [0.2, 0.0, 1.0, np.nan]})
    records.to_csv(tmp_path / "devices.csv", index=False)
    assert {name: values.tolist() for name, values in read_devices(tmp_path).items()} == {
        "7": [0.0, 0.2],
        "36": [1.0],
    }
    seconds = noise(["vce_on", "current", "temperature"], 5).assign(more=1)
    seconds.to_parquet(tmp_path / "run.parquet")
    assert read_seconds(tmp_path / "run.parquet").shape == (5, 4)
