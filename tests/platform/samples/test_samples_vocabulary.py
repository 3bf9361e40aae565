from __future__ import annotations

from tundish_platform.samples.semantics import semantic_kind, semantic_kinds
from tundish_platform.samples.units import engineering_unit, pack_unit_id, ucum_of_unit_id, units


def chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)


def test_units_survive_the_way_over_opc_ua() -> None:
    assert pack_unit_id("CEL") == 4_408_652
    for ucum, unit in units().items():
        assert engineering_unit(ucum) == unit
        assert ucum_of_unit_id(unit.unit_id) == ucum
        assert chinese(unit.name_zh)
        assert not chinese(unit.name_en)


def test_every_kind_has_names_and_a_base_unit_of_the_vocabulary() -> None:
    for name, kind in semantic_kinds().items():
        assert chinese(kind.name_zh), name
        assert not chinese(kind.name_en), name
        assert kind.unit == "" or kind.unit in units(), name
        assert len(name.split(".")) <= 4, name


def test_a_kind_that_is_not_there_means_what_the_longest_known_part_of_it_means() -> None:
    known = semantic_kinds()
    assert semantic_kind("pressure.hydraulic") == known["pressure.hydraulic"]
    assert semantic_kind("pressure.hydraulic.main.left") == known["pressure.hydraulic"]
    assert semantic_kind("pressure.unheard_of") == known["pressure"]
    assert semantic_kind("pressured") is None
    assert semantic_kind("") is None
