"""A visitor who opens pages as a browser does: the address, the layout, and every callback that fills it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_TIMEOUT_S: Final = 60.0
_SHOWS_PAGES: Final = "page.children"
_UPDATE: Final = "/_dash-update-component"

Json = dict[str, Any]


class VisitFailed(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """The server refused something that a browser would have asked."""


@dataclass(frozen=True, slots=True)
class Load:
    """One loading of a page.

    Attributes:
        milliseconds: from the first request to the last answer, one after the other.
        callbacks: how many were asked.
    """

    milliseconds: float
    callbacks: int


class Visitor:
    """A person who logged in, on one connection.

    Args:
        port: of the server on loopback.
        login: of the person.
        password: of the person.
    """

    def __init__(self, port: int, login: str, password: str) -> None:
        address = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(
            base_url=address, timeout=_TIMEOUT_S, trust_env=False, headers={"Origin": address}
        )
        self._person = {"login": login, "password": password}
        self._known: list[Json] = []

    def __enter__(self) -> Self:
        self._client.post("/login", data=self._person)
        self._known = self._get("/_dash-dependencies").json()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def load(self, path: str) -> Load:
        """Open a page.

        Raises:
            VisitFailed: something was refused, or the page has no callback.
        """
        started = time.perf_counter()
        self._get(path)
        here = dict(_ids(self._get("/_dash-layout").json()))
        here["location"] = {"pathname": path}
        shows = next(one for one in self._known if _SHOWS_PAGES in one["output"])
        shown = self._ask(shows, here)
        here |= dict(_ids(shown["response"]["page"]["children"]))
        callbacks = [one for one in self._known if one is not shows and _fires(one, here)]
        for one in callbacks:
            self._ask(one, here)
        if not callbacks:
            raise VisitFailed(f"nothing fills {path}")
        return Load((time.perf_counter() - started) * 1_000, len(callbacks) + 1)

    def _get(self, path: str) -> httpx.Response:
        answer = self._client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise VisitFailed(f"{path} answered {answer.status_code}")
        return answer

    def _ask(self, callback: Json, here: dict[str, Json]) -> Json:
        output = callback["output"]
        inputs, state = (
            [part | {"value": here[part["id"]].get(part["property"])} for part in callback[kind]]
            for kind in ("inputs", "state")
        )
        parts = [_part(name) for name in output.strip(".").split("...")]
        body = {
            "output": output, "outputs": parts if output.startswith("..") else parts[0],
            "inputs": inputs, "state": state,
            "changedPropIds": [f"{one['id']}.{one['property']}" for one in inputs],
        }  # fmt: skip
        answer = self._client.post(_UPDATE, json=body)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return {}
        if answer.status_code != httpx.codes.OK:
            raise VisitFailed(f"{output} answered {answer.status_code}")
        found: Json = answer.json()
        return found


def _part(name: str) -> Json:
    # A callback that shares its output carries a hash behind "@", which the browser sends as it is.
    number, prop = name.rsplit(".", 1)
    return {"id": number, "property": prop}


def _fires(callback: Json, here: dict[str, Json]) -> bool:
    """Whether a browser asks it as the page appears: on the server, at first, with all it needs there."""
    if callback["clientside_function"] or callback["prevent_initial_call"] is True:
        return False
    parts = callback["inputs"] + callback["state"]
    return bool(callback["inputs"]) and all(one["id"] in here for one in parts)


def _ids(tree: object) -> Iterator[tuple[str, Json]]:
    """Every component of a tree that has a name, with its properties."""
    if isinstance(tree, list):
        for one in tree:
            yield from _ids(one)
    elif isinstance(tree, dict):
        props = tree.get("props", {})
        if isinstance(props.get("id"), str):
            yield props["id"], props
        for one in props.values():
            if isinstance(one, (list, dict)):
                yield from _ids(one)
