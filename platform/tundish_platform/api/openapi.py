"""The OpenAPI 3.1 document, put together from the url map, the routes' guards and their descriptions."""

from __future__ import annotations

import re
from http import HTTPStatus
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter

from tundish_platform.api.described import JSON, Described, description_of
from tundish_platform.api.errors import API_ROOT, PROBLEM_MIME
from tundish_platform.api.guard import Access, access_of
from tundish_platform.api.repeats import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flask import Flask
    from pydantic.json_schema import JsonSchemaMode
    from werkzeug.routing import Rule

    _Wanted = tuple[str, JsonSchemaMode, TypeAdapter[Any]]
    _Schemas = Mapping[tuple[str, JsonSchemaMode], dict[str, Any]]

VERSION: Final = "1"
_METHODS: Final = ("GET", "PUT", "POST", "PATCH", "DELETE")
_ARGUMENT: Final = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
_REFERENCE: Final = "#/components/schemas/{model}"
ETAG: Final = ("ETag", "Of this answer, for If-None-Match and, where one thing is shown, for If-Match.")
_PROBLEM: Final = "#/components/responses/Problem"
_ABOUT: Final = (
    "Plant data in and out, tenant by tenant. Errors are problem details (RFC 9457) in English and Chinese. "
    "工厂数据接口: 按租户隔离, 错误信息为中英双语 (RFC 9457)。"
)


class ProblemDetails(BaseModel):
    """Why a request was refused or failed."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    message_zh: str


def document(app: Flask) -> dict[str, Any]:
    """The whole document of an application, for ``/openapi.json``."""
    routes = [_Route(app, rule, method) for rule, method in _operations(app)]
    wanted: list[_Wanted] = [(_key(ProblemDetails), "validation", TypeAdapter(ProblemDetails))]
    wanted += [one for route in routes for one in route.models()]
    schemas, definitions = TypeAdapter.json_schemas(wanted, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = route.operation(schemas)
    problem = {
        "description": "Refused or failed; code and texts say why. 请求被拒绝或处理失败, 原因见正文。",
        "content": {PROBLEM_MIME: {"schema": schemas[_key(ProblemDetails), "validation"]}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tundish", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": problem},
        },
    }


def _operations(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(API_ROOT):
            for method in _METHODS:
                if method in (rule.methods or ()):
                    yield rule, method


class _Route:
    """One method of one address.

    Attributes:
        path: as OpenAPI writes it.
    """

    def __init__(self, app: Flask, rule: Rule, method: str) -> None:
        view = app.view_functions[rule.endpoint]
        self.method = method
        self.path = _ARGUMENT.sub(r"{\g<name>}", rule.rule)
        self._rule = rule
        self._text = getdoc(view) or ""
        self._access = access_of(view) or Access()
        self._says = description_of(view) or Described()

    def models(self) -> Iterator[_Wanted]:
        """What pydantic has to describe."""
        if self._says.body is not None:
            yield _key(self._says.body), "validation", TypeAdapter(self._says.body)
        if self._says.answer is not None:
            yield _key(self._says.answer), "serialization", TypeAdapter(self._says.answer)

    def operation(self, schemas: _Schemas) -> dict[str, Any]:
        """The operation object.

        Args:
            schemas: of all models.
        """
        _, group, name = ("api." + self._rule.endpoint).rsplit(".", 2)
        told: dict[str, Any] = {
            "operationId": f"{group}.{name}",
            "tags": [group],
            "summary": self._text.partition("\n")[0],
            "description": self._text,
            "parameters": [*self._arguments(), *self._query(), *self._extra()],
            "responses": {str(self._says.status): self._answer(schemas), "default": {"$ref": _PROBLEM}},
            "security": [] if self._access.open else [{"token": []}],
        }
        if body := self._body(schemas):
            told["requestBody"] = {"required": True, "content": body}
        if permission := self._access.tenant or self._access.above:
            told["x-permission"] = permission.value
        return told

    def _arguments(self) -> Iterator[dict[str, Any]]:
        for found in _ARGUMENT.finditer(self._rule.rule):
            kind = "integer" if found["kind"] == "int" else "string"
            yield {"name": found["name"], "in": "path", "required": True, "schema": {"type": kind}}

    def _query(self) -> Iterator[dict[str, Any]]:
        for one in self._says.query:
            yield {
                "name": one.name, "in": "query", "required": one.required, "description": one.says,
                "schema": one.schema(),
            }  # fmt: skip

    def _extra(self) -> Iterator[dict[str, Any]]:
        """Headers that a request may have."""
        if self._says.tagged:
            yield _header("If-None-Match", "ETag that is known; the answer is 304 if it still holds.")
        if self.method == "POST" and self._access.tenant is not None:
            yield _header(
                HEADER, "Of your choice; sent again with the same body, the request is not done twice."
            )
        if self._says.matched:
            yield _header("If-Match", "ETag that was read; 412 if something else stands meanwhile.")

    def _body(self, schemas: _Schemas) -> dict[str, Any]:
        content: dict[str, Any] = {media: {} for media in self._says.media}
        if self._says.body is not None:
            content[JSON] = {"schema": schemas[_key(self._says.body), "validation"]}
        return content

    def _answer(self, schemas: _Schemas) -> dict[str, Any]:
        content: dict[str, Any] = {media: {} for media in self._says.gives}
        if self._says.answer is not None:
            content[JSON] = {"schema": schemas[_key(self._says.answer), "serialization"]}
        told = {"description": HTTPStatus(self._says.status).phrase, "content": content}
        if headers := self._headers():
            told["headers"] = headers
        return told

    def _headers(self) -> dict[str, Any]:
        says = (*self._says.headers, *((ETAG,) if self._says.tagged else ()))
        return {name: {"description": text, "schema": {"type": "string"}} for name, text in says}


def _header(name: str, says: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": says,
        "schema": {"type": "string"},
    }


def _key(model: Any) -> str:  # noqa: ANN401 - any type
    return f"{getattr(model, '__module__', '')} {model!r}"
