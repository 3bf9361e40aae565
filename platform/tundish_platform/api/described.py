"""What a route takes and gives, said once beside it: checked by it, and told in the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from flask import request
from pydantic import TypeAdapter

from tundish_platform.api.errors import Problem
from tundish_platform.api.params import only

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.api.parameters import Query

    View = Callable[..., Any]

JSON: Final = "application/json"
_MARK: Final = "tundish_described"


@dataclass(frozen=True, slots=True)
class Described:
    """The description of a route.

    Attributes:
        query: its parameters; others are refused.
        body: type of a JSON body, for pydantic.
        media: other content types of a body.
        raw: the view reads the body itself.
        answer: type of the JSON answer, for pydantic.
        gives: content types of the answer.
        status: of an answer that tells of success.
        headers: of the answer, with what they say.
        tagged: answers carry an ETag, and a reader who has it gets 304.
        matched: the request may name with If-Match what it changes.
        secret: the answer holds a secret that is shown once; it is kept nowhere.
    """

    query: tuple[Query, ...] = ()
    body: Any = None
    media: tuple[str, ...] = ()
    raw: bool = False
    answer: Any = None
    gives: tuple[str, ...] = (JSON,)
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    tagged: bool = False
    matched: bool = False
    secret: bool = False


def described(*query: Query, **more: Any) -> Callable[[View], View]:  # noqa: ANN401 - fields of `Described`
    """Describe a view: parameters are checked before it runs, a body arrives checked as ``body``.

    Args:
        query: parameters of the address.
        more: the other fields of `Described`.
    """
    says = Described(query=query, **more)
    names = tuple(one.name for one in query)
    taken = None if says.body is None or says.raw else TypeAdapter(says.body)

    def mark(view: View) -> View:
        @wraps(view)
        def checked(*values: object, **named: object) -> object:
            only(*names)
            if taken is not None:
                named["body"] = taken.validate_python(json_body())
            return view(*values, **named)

        setattr(checked, _MARK, says)
        return checked

    return mark


def description_of(view: View) -> Described | None:
    """What a view's description says; ``None`` for a view without one."""
    found: Described | None = getattr(view, _MARK, None)
    return found


def json_body() -> Any:  # noqa: ANN401 - a model checks it next
    """The request's JSON, refused where its content type says something else."""
    if not request.is_json:
        raise Problem(415, "Send application/json.", "请使用内容类型 application/json。")
    return request.get_json()
