"""The time of the query that runs in this thread; what reads part by part looks at it between the parts."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tundish_platform.tenancy.scope import TenantScope

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A", bound="Admitting")


class Budget(Protocol):
    """What a query may still use."""

    def check(self) -> None:
        """Go on, or raise."""
        ...


class Admitting(Protocol):
    """Whoever answers queries and lets them in one by one."""

    def _admitted(self, scope: TenantScope) -> AbstractContextManager[Budget | None]: ...


_CURRENT: Final[ContextVar[Budget | None]] = ContextVar("budget", default=None)


def check() -> None:
    """Go on, or not; nothing outside queries.

    Raises:
        QueryTooLong: the time is used up, or the query was called off.
    """
    budget = _CURRENT.get()
    if budget is not None:
        budget.check()


@contextmanager
def running(admitted: AbstractContextManager[Budget | None]) -> Iterator[None]:
    """A query, or a part of the one that runs in this thread: only the outermost is let in and charged."""
    if _CURRENT.get() is not None:
        yield
        return
    with admitted as budget:
        token = _CURRENT.set(budget)
        try:
            yield
        finally:
            _CURRENT.reset(token)


def query(
    method: Callable[Concatenate[A, TenantScope, P], T],
) -> Callable[Concatenate[A, TenantScope, P], T]:
    """A method that answers a query of a scope, once it is let in."""

    @wraps(method)
    def asked(self: A, scope: TenantScope, *args: P.args, **kwargs: P.kwargs) -> T:
        with running(self._admitted(scope)):
            return method(self, scope, *args, **kwargs)

    return asked  # type: ignore[return-value]  # the names of its first two arguments differ


def piecewise(chunks: Iterator[T], admitted: Callable[[], AbstractContextManager[Any]]) -> Iterator[T]:
    """Each chunk is let in as a query of its own, so that nothing is held while the reader takes its time."""
    while True:
        with running(admitted()):
            try:
                chunk = next(chunks)
            except StopIteration:
                return
        yield chunk
