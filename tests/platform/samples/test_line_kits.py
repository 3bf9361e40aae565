from __future__ import annotations

import pytest

from tundish_platform.samples import SampleKind, SignalRole
from tundish_platform.samples.kits import UnknownKit, kit, kits
from tundish_platform.samples.units import engineering_unit, pack_unit_id, ucum_of_unit_id, units


def test_the_unit_id_is_the_code_packed_big_endian() -> None:
    assert pack_unit_id("CEL") == 4_408_652
    assert pack_unit_id("L2") == 0x4C32
    assert engineering_unit("Cel").unit_id == 4_408_652  # type: ignore[union-attr]


@pytest.mark.parametrize("code", ["", "ABCDE", "µ"])
def test_what_is_no_unece_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="UNECE"):
        pack_unit_id(code)


def test_units_survive_the_way_over_opc_ua() -> None:
    for ucum in units():
        unit = engineering_unit(ucum)
        assert unit is not None
        assert ucum_of_unit_id(unit.unit_id) == ucum
    assert engineering_unit("") is None
    assert ucum_of_unit_id(1) == ""


def test_an_unknown_unit_is_an_error_and_not_no_unit() -> None:
    with pytest.raises(KeyError):
        engineering_unit("furlong")


def test_kits_are_found_by_id_and_unknown_ones_named() -> None:
    assert set(kits()) == {"hydraulic-bench", "igbt-ageing", "plate-line"}
    with pytest.raises(UnknownKit, match="hydraulic-bench"):
        kit("no-such-line")


@pytest.mark.parametrize("kit_id", sorted(kits()))
def test_every_signal_is_fit_for_a_server(kit_id: str) -> None:
    one = kit(kit_id)
    specs = one.specs()
    assert len({spec.path for spec in specs}) == len(specs)
    for spec in specs:
        assert spec.path.startswith(one.line + "/")
        assert len(spec.path.split("/")) == 6
        assert spec.name_zh != spec.name_en
        assert any("一" <= letter <= "鿿" for letter in spec.name_zh)
        engineering_unit(spec.unit)
        if spec.role is SignalRole.MEASUREMENT and spec.kind is SampleKind.NUMERIC:
            assert spec.low is not None
            assert spec.high is not None
            assert spec.low < spec.high
            assert spec.unit


def test_a_line_may_lie_elsewhere_and_missing_signals_are_named() -> None:
    one = kit("igbt-ageing")
    specs = one.specs("A/B/C")
    assert specs[0].path == "A/B/C/PCT1/Channel1/VCEon"
    offered = [spec.path for spec in specs if "GateCurrent" not in spec.path]
    assert [spec.path for spec in one.missing(offered, "A/B/C")] == ["A/B/C/PCT1/Channel1/GateCurrent"]
    assert len(one.missing([])) == len(one.signals)
