"""Line kits: what a line of a known kind has, a file each.

Who connects a server (`tundish connect`) and who plans a line (``POST /tenants/<t>/kits/<kit>``) read the
same files: names, units, ranges and periods of a line stand in one place.
"""

from tundish_platform.samples.kits.kit import LineKit
from tundish_platform.samples.kits.registry import UnknownKit, kit, kits

__all__ = ["LineKit", "UnknownKit", "kit", "kits"]
