"""One thread per model: on busy cores more threads wait for each other longer than they work."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Function = TypeVar("Function", bound="Callable[..., Any]")


def one_thread(function: Function) -> Function:
    """Run a function with OpenMP and BLAS limited to one thread."""
    wrapped: Function = threadpool_limits.wrap(limits=1)(function)
    return wrapped
