"""The OpenAPI document as one plain HTML page: no script, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "details{border:1px solid #d5dae1;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}"
    "summary{cursor:pointer}code,pre{font-family:ui-monospace,monospace;font-size:13px}"
    "pre{background:#f4f6f9;padding:.6rem;overflow:auto;max-height:28rem}table{border-collapse:collapse}"
    "td,th{border:1px solid #d5dae1;padding:.2rem .6rem;text-align:left;vertical-align:top}"
    "b{display:inline-block;min-width:4.5rem}"
)
STYLE_SOURCE: Final = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
"""The page's style as a source that a content security policy may name."""


def page_of(document: Mapping[str, Any]) -> str:
    """The page.

    Args:
        document: of `openapi.document`.
    """
    about = document["info"]
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    parts = [f"<h2>{escape(name)}</h2>{''.join(found)}" for name, found in sorted(groups.items())]
    schemas = "".join(_schema(name, one) for name, one in sorted(document["components"]["schemas"].items()))
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Tundish API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(about['title'])} API {escape(about['version'])}</h1>"
        f"<p>{escape(about['description'])}</p>"
        '<p><a href="openapi.json">openapi.json</a></p>'
        f"{''.join(parts)}<h2>Schemas 数据结构</h2>{schemas}</body></html>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    permission = operation.get("x-permission", "")
    asks = f"<p>Permission 权限: <code>{escape(permission)}</code></p>" if permission else ""
    body = _contents("Body 请求体", operation.get("requestBody", {}))
    answers = (part for status, one in operation["responses"].items() for part in _contents(status, one))
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code> — {escape(operation['summary'])}</summary>"
        f"<p>{escape(operation['description'])}</p>{asks}{_parameters(operation['parameters'])}"
        f"{''.join(body)}{''.join(answers)}"
        "</details>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{'✓' if one['required'] else ''}</td><td>{escape(one.get('description', ''))}</td>"
        f"<td><code>{escape(json.dumps(one['schema'], ensure_ascii=False))}</code></td></tr>"
        for one in parameters
    )
    head = "<tr><th>Parameter 参数</th><th></th><th>Needed 必填</th><th></th><th>Schema</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""


def _contents(title: str, told: Mapping[str, Any]) -> Iterator[str]:
    for media, content in told.get("content", {}).items():
        yield f"<p>{escape(title)}: <code>{escape(media)}</code> {_named(content.get('schema', {}))}</p>"


def _named(schema: Mapping[str, Any]) -> str:
    """A link to a schema of the list below, or the schema itself."""
    inner = schema.get("items", schema)
    if isinstance(inner, dict) and "$ref" in inner:
        name = escape(inner["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>{"[]" if inner is not schema else ""}'
    return f"<code>{escape(json.dumps(schema, ensure_ascii=False))}</code>" if schema else ""


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    text = escape(json.dumps(schema, ensure_ascii=False, indent=1))
    return f'<details id="schema-{escape(name)}"><summary>{escape(name)}</summary><pre>{text}</pre></details>'
