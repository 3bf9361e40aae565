from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.assets.units import UnitMismatch, conversion, conversion_of
from tundish_platform.samples import SignalSpec
from tundish_platform.samples.units import units


@pytest.mark.parametrize(
    ("value", "held", "wanted", "expected"),
    [
        (20.0, "Cel", "K", 293.15),
        (293.15, "K", "Cel", 20.0),
        (212.0, "[degF]", "Cel", 100.0),
        (-40.0, "Cel", "[degF]", -40.0),
        (0.0, "Cel", "[degF]", 32.0),
        (1.0, "bar", "kPa", 100.0),
        (1.0, "[psi]", "Pa", 6894.757293168),
        (10.0, "L/min", "m3/h", 0.6),
        (1.0, "kW.h", "MJ", 3.6),
        (60.0, "{rev}/min", "rad/s", 2 * math.pi),
        (0.5, "1", "%", 50.0),
        (3.0, "[ppm]", "%", 0.0003),
        (180.0, "deg", "rad", math.pi),
        (2.0, "kvar", "kvar", 2.0),
        (7.5, "m/s", "km/h", 27.0),
        (1.0, "t", "kg", 1000.0),
    ],
)
def test_known_conversions(value: float, held: str, wanted: str, expected: float) -> None:
    assert conversion(held, wanted)(value) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_difference_of_temperatures_keeps_its_zero() -> None:
    assert conversion("Cel", "K", difference=True)(20.0) == 20.0
    assert conversion("K", "[degF]", difference=True)(10.0) == pytest.approx(18.0)
    swing = SignalSpec(path="a/b", name_zh="x", name_en="x", semantic="temperature.junction.swing", unit="K")
    assert conversion_of(swing, "Cel")(80.0) == 80.0
    assert conversion_of(swing.model_copy(update={"semantic": "temperature"}), "Cel")(
        373.15
    ) == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("bar", "Cel"), ("N.m", "J"), ("kvar", "kW"), ("kV.A", "kW"), ("Hz", "{rev}/min"), ("", "bar"),
        ("bar", ""), ("bar", "furlong"), ("HRC", "HRC"),
    ],
)  # fmt: skip
def test_what_is_not_of_one_quantity_does_not_convert(held: str, wanted: str) -> None:
    with pytest.raises(UnitMismatch):
        conversion(held, wanted)


def test_every_pair_of_a_quantity_converts_there_and_back() -> None:
    known = list(units().values())
    for one in known:
        for other in known:
            if one.quantity != other.quantity:
                continue
            back = conversion(other.ucum, one.ucum)(conversion(one.ucum, other.ucum)(12.5))
            assert back == pytest.approx(12.5, rel=1e-9), (one.ucum, other.ucum)


@given(st.floats(-1e6, 1e6), st.sampled_from(["K", "[degF]"]))
def test_order_is_kept(value: float, wanted: str) -> None:
    there = conversion("Cel", wanted)
    assert there(value + 1.0) > there(value)
    assert np.array_equal(there(np.array([value])), [there(value)])
