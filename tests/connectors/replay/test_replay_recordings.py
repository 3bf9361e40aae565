"""What is history is not live, and nothing of a recording is lost between them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_connectors.replay.hydraulic_bench import block_numbers, chosen_cycles
from tundish_connectors.replay.plate_line import chosen_plates
from tundish_connectors.replay.recording import Part, PartName, read_recording, texts
from tundish_connectors.replay.registry import recording
from tundish_platform.samples.kits import UnknownKit, kit, kits

if TYPE_CHECKING:
    from tundish_connectors.replay.recording import Channel


def channel(parts: tuple[Part, ...], ending: str) -> Channel:
    return next(one for part in parts for one in part.channels if one.path.endswith(ending))


def test_every_hydraulic_cycle_is_in_exactly_one_part_and_blocks_stay_whole() -> None:
    profile = read_recording("hydraulic_profile.parquet")
    history, live = (chosen_cycles(part, profile) for part in PartName)
    assert np.array_equal(history, ~live)
    assert history.sum() == 896
    assert live.sum() == 874
    blocks = block_numbers(profile)
    assert not set(blocks[history]) & set(blocks[live])
    original = profile["cycle"].to_numpy()
    for block in set(blocks):
        assert set(np.diff(original[blocks == block])) <= {1}


def test_hydraulic_rows_are_the_recorded_ones() -> None:
    table = read_recording("hydraulic.parquet").to_pandas()
    profile = read_recording("hydraulic_profile.parquet")
    one = recording("hydraulic-bench")
    for name, parts in (("history", one.history()), ("live", one.live())):
        cycles = profile["cycle"].to_numpy()[chosen_cycles(PartName(name), profile)]
        expected = table[table["cycle"].isin(cycles)]
        assert np.allclose(channel(parts, "Pressure1").values, expected["PS1"], atol=1e-5)
        assert np.allclose(channel(parts, "Cooler/Efficiency").values, expected["CE"], atol=1e-5)
        waves = channel(parts, "PressureProfile")
        assert np.array_equal(waves.values.ravel(), channel(parts, "Pressure1").values)
        assert set(waves.ts % 60) == {59}
    counts = [channel(parts, "CycleCount").values for parts in (one.history(), one.live())]
    assert np.array_equal(np.concatenate(counts), np.arange(1, 1771))


def test_every_plate_is_in_exactly_one_part_and_classes_keep_their_shares() -> None:
    classes = texts(read_recording("steel_plates.parquet")["fault_class"].to_pylist())
    history, live = (chosen_plates(part, classes) for part in PartName)
    assert sorted([*history, *live]) == list(range(1941))
    whole, part = Counter(classes), Counter(classes[history])
    assert whole == {
        "Pastry": 158,
        "Z_Scratch": 190,
        "K_Scratch": 391,
        "Stains": 72,
        "Dirtiness": 55,
        "Bumps": 402,
        "Other_Faults": 673,
    }
    assert all(abs(part[name] - 0.7 * count) <= 1 for name, count in whole.items())
    assert len(set(classes[live][:40])) > 3, "the play must not run through the file's sorted classes"


def test_the_meter_goes_on_from_history_to_live_and_from_pass_to_pass() -> None:
    one = recording("plate-line")
    history, live = channel(one.history(), "ActiveImport"), channel(one.live(), "ActiveImport")
    usage = read_recording("steel_energy.parquet")["usage"].to_numpy()
    assert len(history.values) + len(live.values) == len(usage) == 35_040
    assert live.values[-1] == pytest.approx(usage.sum(), rel=1e-6)
    first_use = channel(one.live(), "Usage").values[0]
    assert live.values[0] - history.values[-1] == pytest.approx(first_use, abs=0.01)
    assert live.value(0, 1) - live.value(len(live.values) - 1, 0) == pytest.approx(first_use, abs=0.01)


def test_igbt_parts_are_cut_in_time_and_mosfets_by_device() -> None:
    one = recording("igbt-ageing")
    waves = [channel(parts, "VCEWaveform").values for parts in (one.history(), one.live())]
    assert [len(wave) for wave in waves] == [3_600, 7_199]
    assert waves[0].shape[1] == 20
    devices = [list(channel(parts, "DeviceId").values) for parts in (one.history(), one.live())]
    assert devices == [["MOSFET-09", "MOSFET-11"], ["MOSFET-12"]]
    ages = channel(one.history(), "AgeCount").values
    assert np.array_equal(np.flatnonzero(ages == 0), channel(one.history(), "DeviceId").ts)
    voltage = channel(one.live(), "VCEon")
    assert not np.isnan(voltage.values).any()
    assert np.diff(voltage.ts).max() <= 15


def test_a_plates_class_comes_one_plate_later_with_the_plates_time() -> None:
    label = channel(recording("plate-line").live(), "FaultClass")
    assert np.array_equal(label.at, label.ts + 30)
    assert np.array_equal(label.ts, channel(recording("plate-line").live(), "PlateId").ts)


@pytest.mark.parametrize("kit_id", sorted(kits()))
def test_kit_and_recording_agree_on_signals_and_kinds(kit_id: str) -> None:
    expected = {spec.path: spec.kind for spec in kit(kit_id).signals}
    for parts in (recording(kit_id).history(), recording(kit_id).live()):
        assert {one.path: one.kind for part in parts for one in part.channels} == expected
        for part in parts:
            for one in part.channels:
                assert np.all(np.diff(one.ts) > 0)
                assert np.all(one.at >= one.ts)
                assert one.at[-1] <= part.length_s
    assert {one.path for one in recording(kit_id).silences} <= set(expected)


def test_values_lie_in_their_ranges() -> None:
    for kit_id in kits():
        limits = {spec.path: (spec.low, spec.high) for spec in kit(kit_id).signals if spec.low is not None}
        for part in (*recording(kit_id).history(), *recording(kit_id).live()):
            for one in part.channels:
                if one.path in limits and one.values.dtype == np.float64:
                    low, high = limits[one.path]
                    assert low <= one.values.min(), one.path
                    assert one.values.max() <= high, one.path


def test_an_unknown_recording_is_named() -> None:
    with pytest.raises(UnknownKit, match="plate-line"):
        recording("no-such-line")
