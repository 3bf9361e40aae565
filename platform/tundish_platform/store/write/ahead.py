"""Lets one thing be written while the next one is made ready."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Done = TypeVar("Done")


def one_behind(work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
    """What `work` makes of each item, in turn, in a thread of its own while the next item is made here.

    There is never more than one under way: after an error nothing further is begun.
    """
    under_way: Future[Done] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="one-behind") as pool:
        for item in items:
            if under_way is not None:
                yield under_way.result()
            under_way = pool.submit(work, item)
        if under_way is not None:
            yield under_way.result()
