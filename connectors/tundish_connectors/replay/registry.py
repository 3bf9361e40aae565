"""The built-in recordings by the id of the kit that they play."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tundish_connectors.replay.hydraulic_bench import HYDRAULIC_BENCH
from tundish_connectors.replay.igbt_ageing import IGBT_AGEING
from tundish_connectors.replay.plate_line import PLATE_LINE
from tundish_platform.samples.kits import UnknownKit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_connectors.replay.recording import Recording

_RECORDINGS: Final[Mapping[str, Recording]] = MappingProxyType(
    {one.kit_id: one for one in (HYDRAULIC_BENCH, IGBT_AGEING, PLATE_LINE)}
)


def recording(kit_id: str) -> Recording:
    """The recording of a kit.

    Raises:
        UnknownKit: no recording is shipped for it.
    """
    try:
        return _RECORDINGS[kit_id]
    except KeyError:
        known = ", ".join(sorted(_RECORDINGS))
        raise UnknownKit(
            f"There is no recording for the line kit {kit_id!r}. Choose one of: {known}. / "
            f"产线套件 {kit_id!r} 没有录制数据,请从以下选择:{known}。"
        ) from None
