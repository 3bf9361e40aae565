"""Refusals of the writer, carried over with their types and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_platform.samples import CodecError
from tundish_platform.store.log.interface import StoreFailed, StoreFull
from tundish_platform.store.rows import TimeOutOfRange
from tundish_platform.tenancy.scope import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Mapping


class WriterAway(StoreFailed):
    """The writer does not answer. Keep the batches and come again; what lies in segments can be read."""


class WriterFault(StoreFailed):
    """The writer failed at a request in a way nobody foresaw; its own log says why."""


_CARRIED: Final[dict[str, type[Exception]]] = {
    kind.__name__: kind
    for kind in (AccessDenied, CodecError, StoreFailed, StoreFull, TimeOutOfRange, ValueError)
}


def error_told(error: Exception) -> dict[str, Any] | None:
    """Head of an answer that refuses, or None for an error that is not one of the store's."""
    for kind in type(error).__mro__:
        if kind.__name__ in _CARRIED and _CARRIED[kind.__name__] is kind:
            return {"error": kind.__name__, "text": str(error)}
    return None


def fault_told() -> dict[str, Any]:
    """Head of an answer where the writer itself failed; its inside is nobody's business."""
    return {"error": "", "text": "the writer failed at this request; its log says why"}


def raise_error(head: Mapping[str, Any]) -> None:
    """Raise the error that a head tells of, if it does."""
    if "error" in head:
        raise _CARRIED.get(head["error"], WriterFault)(head["text"])
