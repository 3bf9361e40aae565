"""Line kits: what signals a line of a known kind has, with names, units, ranges and periods."""

from tundish_connectors.lines.kit import LineKit
from tundish_connectors.lines.registry import UnknownKit, kit, kits
from tundish_platform.samples.units import EngineeringUnit, engineering_unit, pack_unit_id, ucum_of_unit_id

__all__ = [
    "EngineeringUnit",
    "LineKit",
    "UnknownKit",
    "engineering_unit",
    "kit",
    "kits",
    "pack_unit_id",
    "ucum_of_unit_id",
]
