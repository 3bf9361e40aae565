"""Bounds that asyncua's decoder lacks: arrays that a message announces, but has no bytes for.

A few bytes may announce an array of two thousand million nulls, or dimensions of a million elements; asyncua
would build them, minutes long and gigabytes large.
"""

from __future__ import annotations

import inspect
import math
import struct
from typing import TYPE_CHECKING, Any

import structlog
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors import UaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = structlog.get_logger(__name__)
_I32 = struct.Struct("<i")
# Some servers announce a few elements more than they send; asyncua fills them up.
_FEW = 1000
_EXPECTED = {"unpack_uatype_array": ("vtype", "data"), "_reshape": ("flat", "dims")}


def harden() -> bool:
    """Put the bounds before asyncua's functions, once a process; False where asyncua is another inside."""
    if getattr(ua_binary, "tundish_bounds", False):
        return True
    for name, arguments in _EXPECTED.items():
        found = getattr(ua_binary, name, None)
        if found is None or tuple(inspect.signature(found).parameters) != arguments:
            _log.warning("asyncua's decoder is not the one this guard was written for", function=name)
            return False
    setattr(ua_binary, "unpack_uatype_array", _bounded_array(ua_binary.unpack_uatype_array))  # noqa: B010 - see harden
    setattr(ua_binary, "_reshape", _bounded_shape(ua_binary._reshape))  # noqa: B010, SLF001 - see harden
    setattr(ua_binary, "tundish_bounds", True)  # noqa: B010 - a mark of ours
    return True


def _bounded_array(unpack: Callable[[ua.VariantType, Any], Any]) -> Callable[[ua.VariantType, Any], Any]:
    def bounded(vtype: ua.VariantType, data: Any) -> Any:  # noqa: ANN401 - any built-in type
        if isinstance(data, Buffer) and len(data) >= _I32.size:
            (length,) = _I32.unpack(data.copy(_I32.size).read(_I32.size))
            # An element takes a byte at least; a null takes none, and an array of them says nothing.
            if length > len(data) - _I32.size or (length > 0 and vtype == ua.VariantType.Null):
                raise UaError(f"an array of {length} elements is announced in {len(data)} bytes")
        return unpack(vtype, data)

    return bounded


def _bounded_shape(reshape: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def bounded(flat: list[Any], dims: Sequence[int]) -> Any:  # noqa: ANN401 - nested lists
        declared = math.prod(max(1, size) for size in dims)
        if any(size < 0 for size in dims) or declared > max(len(flat), _FEW):
            raise UaError(f"dimensions of {declared} elements are announced for {len(flat)}")
        return reshape(flat, dims)

    return bounded
