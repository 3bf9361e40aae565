"""What exists in the world of a run, by the place of an address that names it."""

from __future__ import annotations

import json
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.campaigns.fuzz_calls import APP, ENTERPRISES, Call, calls
from tundish_platform.api.app import PREFIX
from tundish_platform.api.guard import access_of
from tundish_platform.programme import register_enterprise
from tundish_platform.tenancy.accounts import find_tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

    from tundish_deploy.campaigns.fuzz_callers import Callers
    from tundish_deploy.campaigns.strangers import Asker, Strangers
    from tundish_platform.api.guard import Access

_USUAL: Final = {
    "tenant": ("steel",),
    "name": ("opc",),
    "app_id": (APP, APP, "probe", "product-passport", "peer-benchmark", "maturity-check"),
    "uscc": ENTERPRISES[:2],
    "role": ("viewer",),
    "kind": ("product_events", "peers", "usage"),
    "version": ("1.0.0", "1.1.0"),
}
_NUMBERS: Final = ("1", "1", "2", "3")
_PLACE: Final = re.compile(r"{(\w+)}")


class Known:
    """Names of things that exist, and the calls that made them.

    Attributes:
        calls: with which things are made and changed.
        statuses: of the answers to each when the world was new, by operation.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.statuses: dict[str, int] = {}
        self._made: dict[str, list[str]] = {}

    def of(self, path: str, name: str) -> Sequence[str]:
        """What may stand in a place of an address, which is written as in the document; never nothing."""
        before = path.removeprefix(PREFIX).partition(f"{{{name}}}")[0]
        return self._made.get(before) or _USUAL.get(name, _NUMBERS)

    def path(self, call: Call, choose: Callable[[Sequence[str]], str] = itemgetter(0)) -> str:
        """The address of a call; with the first of what may stand there, or as somebody chooses."""
        filled, named = call.path, dict(call.named)
        for name in _PLACE.findall(call.path):
            filled = filled.replace(f"{{{name}}}", named.get(name) or choose(self.of(call.path, name)))
        return f"{PREFIX}{filled}"

    def made(self, call: Call, answer: Any) -> None:  # noqa: ANN401 - JSON
        """Keep the name of what a call made."""
        if call.gives and isinstance(answer, dict) and call.field in answer:
            self._made.setdefault(call.gives[: call.gives.rindex("{")], []).append(str(answer[call.field]))


def fill(world: Strangers, callers: Callers) -> Known:
    """Make one of most things through the API itself, as clients do."""
    known = Known()
    with world.context.metadata.above(Above.OPERATOR).session() as session:
        plant = find_tenant(session, "steel")
        register_enterprise(
            session, uscc=ENTERPRISES[0], name_zh="一厂", name_en="Works", industry="C3130", region="431382",
            demo=True, tenant_id=None if plant is None else plant.id,
        )  # fmt: skip
    known.calls = calls(world.signals["Pressure"])
    allowed = marks(world)
    for call in known.calls:
        asker = callers.permitted(allowed[call.method, f"{PREFIX}{call.path}"])[0]
        answer = send(world, call, known.path(call), body_of(call.body), asker)
        known.statuses[f"{call.method} {PREFIX}{call.path}"] = answer.status_code
        if answer.is_json:
            known.made(call, answer.get_json())
    return known


def send(world: Strangers, call: Call, path: str, body: bytes | None, asker: Asker) -> TestResponse:
    """Send a call's method and kind of body; whoever changes something has read its first version."""
    headers = {"Authorization": f"Bearer {asker.token}"}
    if call.method in {"PATCH", "DELETE"}:
        headers["If-Match"] = '"1"'
    kind = None if body is None else call.media
    return world.app.test_client().open(
        path, method=call.method, data=body, content_type=kind, headers=headers
    )


def body_of(value: Any) -> bytes | None:  # noqa: ANN401 - any value of JSON, bytes, or nothing
    """A body's bytes, also for halves of characters."""
    if value is None or isinstance(value, bytes):
        return value
    return json.dumps(value).encode("utf-8", "surrogatepass")


def marks(world: Strangers) -> dict[tuple[str, str], Access | None]:
    """For whom each operation is, by method and address."""
    return {
        (method, shown(rule)): access_of(world.app.view_functions[rule.endpoint])
        for rule in world.app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def shown(rule: Rule) -> str:
    """An address as the document writes it."""
    return str(rule.rule).replace("<int:", "<").replace("<", "{").replace(">", "}")
