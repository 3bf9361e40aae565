"""Sends what no client would to every route and every callback: no answer may be the server's failure."""

from __future__ import annotations

import json
import logging
import random
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dash import Dash, Input, Output, html
from pydantic import BaseModel

from tundish_deploy.campaigns.access import UPDATE
from tundish_deploy.campaigns.fuzz_answers import FAILURE, Answers, listen, why
from tundish_deploy.campaigns.fuzz_callers import Callers
from tundish_deploy.campaigns.fuzz_calls import ENTERPRISES
from tundish_deploy.campaigns.fuzz_known import Known, body_of, fill, marks, shown
from tundish_deploy.campaigns.runner import HERE, Runs, each
from tundish_deploy.campaigns.strangers import ORIGIN, Strangers, strangers
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.api.app import PREFIX
from tundish_platform.api.described import described, description_of
from tundish_platform.api.errors import API_ROOT
from tundish_platform.api.guard import authenticated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from werkzeug.routing import Rule

HOLE: Final = "/api/v1/hole"
_CASES_A_PART: Final = 2_500
_CALLS_SHARE: Final = 0.4
_STRETCH: Final = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}
_PEOPLE: Final = ("manager", "manager", "owner", "officer", "keeper")
_PAGES: Final = (
    *("/overview/steel", "/machine/steel"),
    *("/plant/steel", "/market/steel", "/market/steel/app/spc-monitor", "/models/steel", "/alarms/steel"),
    *("/alarms/steel/settings", "/alerts/steel", "/statements/steel", "/market/steel/trials", "/jobs/steel"),
    *("/developer/steel", "/people/steel", "/audit/steel", "/bureau", "/bureau/register", "/review"),
    *("/billing", "/account", f"/bureau/register/{ENTERPRISES[1]}", "/bureau/register/imports/1"),
)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_PARAMETERS: Final = (
    *("signals", "start", "end", "format", "kind", "max_points", "thinning", "step_s", "interpolation", "by"),
    *("zone", "day_begins", "shifts", "step", "states", "after", "before", "limit", "hours", "rule", "alarm"),
    *("search", "line", "unit", "retired", "version", "origin", "app"),
)
_TYPES: Final = (
    *("application/json", "application/vnd.tundish.batches", "text/plain", "multipart/form-data; boundary=x"),
    *("application/x-www-form-urlencoded", "", "\u00e4/\u00f6"),
)
_LIKELY: Final = (
    *("1", "2", "1,2", "json", "csv", "arrow", "numeric", "text", "extremes", "raw", "day", "hour", "steel"),
    *("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2029-01-01T00:00:00+08:00", "60", "3600", "0", "-1"),
)
_ODD: Final = (
    *("", " ", "\x00", "\ud800", "\U0001f525", "'; DROP TABLE signal; --", "../../etc/passwd", "%00", "NaN"),
    *("Infinity", "1e309", "9" * 400, "-0", "0x1", "1_000", "٣", "true", "null", "[]", "{}", "a" * 5000),
    *("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01", "1601"),
    *("+1000000000-01-01T00:00:00Z", "9223372036854775808", "-9223372036854775809", "18446744073709551616"),
)
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 1, 2**63, -(2**70), 1.5, 1e308, float("nan"), float("inf"), "", [], {}),
)
_KEYS: Final = (
    *(
        "source",
        "signals",
        "path",
        "name_zh",
        "name_en",
        "semantic",
        "kind",
        "role",
        "unit",
        "state",
        "counts",
    ),
    *("alarms", "key", "active", "ts", "transition", "comment", "until", "app", "parameters", "threshold"),
    *("signal", "version", "priority", "started_at", "window_start", "outcome", "screen", "id", "property"),
)


class _Divisor(BaseModel):
    by: int


class Fuzzer:
    """Makes up values from a seed.

    Args:
        seed: the same one makes the same values.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a replay, no secret

    def text(self) -> str:
        """A word: likely, odd, or of random characters."""
        kind = self.chance.random()
        if kind < 0.4:  # noqa: PLR2004 - a share
            return self.chance.choice(_LIKELY)
        if kind < 0.8:  # noqa: PLR2004 - a share
            return self.chance.choice(_ODD)
        size = self.chance.choice((1, 3, 20, 300))
        return "".join(self.chance.choice(string.printable + "钢厂äß") for _ in range(size))

    def value(self, depth: int = 0) -> Any:  # noqa: ANN401 - any value of JSON
        """Any value of JSON, nested now and then."""
        kind = self.chance.randrange(10 if depth < 4 else 7)  # noqa: PLR2004 - levels
        if kind < 2:  # noqa: PLR2004 - a share
            return self.text()
        if kind < 7:  # noqa: PLR2004 - a share
            return self.chance.choice(_VALUES)
        if kind < 8:  # noqa: PLR2004 - a share
            return [self.value(depth + 1) for _ in range(self.chance.randrange(4))]
        return {self.key(): self.value(depth + 1) for _ in range(self.chance.randrange(5))}

    def key(self) -> str:
        """A name of a field, mostly one that some route knows."""
        return self.text() if self.chance.random() < 0.2 else self.chance.choice(_KEYS)  # noqa: PLR2004 - a share

    def body(self) -> bytes:
        """JSON, something like it, deeply nested brackets, or bytes."""
        kind = self.chance.random()
        if kind < 0.8:  # noqa: PLR2004 - a share
            return json.dumps(self.value()).encode("utf-8", "surrogatepass")
        if kind < 0.85:  # noqa: PLR2004 - a share
            return b"[" * self.chance.choice((10, 1000, 100_000))
        if kind < 0.9:  # noqa: PLR2004 - a share
            return b'{"a":' * 5000 + b"1" + b"}" * 5000
        return self.chance.randbytes(self.chance.choice((0, 1, 100, 10_000)))

    def torn(self, whole: Any) -> Any:  # noqa: ANN401 - any value of JSON
        """A value with one part of it, however deep, changed, doubled or taken away."""
        if self.chance.random() < 0.3 or not isinstance(whole, dict | list) or not whole:  # noqa: PLR2004 - a share
            return self.value()
        copy = whole.copy()
        place = self.chance.choice(list(copy) if isinstance(copy, dict) else range(len(copy)))
        if self.chance.random() < 0.15:  # noqa: PLR2004 - a share
            del copy[place]
        else:
            copy[place] = self.torn(copy[place])
        return copy


def fuzz_api(world: Strangers, known: Known, count: int, seed: int) -> Answers:
    """Cases for the API, mostly by somebody who may do what the route does.

    Some are calls that a client would make, whole or torn; the others are made up for any route.
    """
    fuzzer, answers = Fuzzer(seed), Answers()
    callers = Callers(world, fuzzer.chance)
    rules = [rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith(API_ROOT)]
    for number in range(count):
        if fuzzer.chance.random() < _CALLS_SHARE:
            case = _torn_call(fuzzer, known)
        else:
            case = _made_up(world, fuzzer, known, fuzzer.chance.choice(rules))
        asker = callers.one(marks(world).get((case.method, case.shown)))
        answer = world.app.test_client().open(
            case.path, method=case.method, query_string=_safe(case.query), data=case.body,
            headers=_headers(fuzzer) | {"Authorization": f"Bearer {asker.token}"}, content_type=case.media,
        )  # fmt: skip
        callers.saw(asker, answer.status_code)
        what = f"case {number}: {case.method} {case.path[:80]!r} {case.query} {case.body!r:.120}"
        answers.take(what[:400], answer, f"{case.method} {case.shown}", why(world.app))
    return answers


@dataclass(frozen=True, slots=True)
class _Case:
    method: str
    path: str
    shown: str
    body: bytes | None
    media: str
    query: dict[str, str] = field(default_factory=dict)


def _torn_call(fuzzer: Fuzzer, known: Known) -> _Case:
    call, kind = fuzzer.chance.choice(known.calls), fuzzer.chance.random()
    body = call.body if kind < 0.2 or isinstance(call.body, bytes) else fuzzer.torn(call.body)  # noqa: PLR2004 - a share
    path = known.path(call, fuzzer.chance.choice)
    return _Case(call.method, path, f"{PREFIX}{call.path}", body_of(body), call.media)


def _made_up(world: Strangers, fuzzer: Fuzzer, known: Known, rule: Rule) -> _Case:
    likely = sorted(rule.methods or ())
    method = fuzzer.chance.choice(likely if fuzzer.chance.random() < 0.9 else _METHODS)  # noqa: PLR2004 - a share
    said = description_of(world.app.view_functions[rule.endpoint])
    own = () if said is None else tuple(one.name for one in said.query)
    query = _query(fuzzer, own, str(world.signals["Pressure"]))
    media, path = fuzzer.chance.choice(_TYPES), _path(world, rule, fuzzer, known)
    return _Case(method, path, shown(rule), fuzzer.body(), media, query)


def _query(fuzzer: Fuzzer, own: Sequence[str], signal: str) -> dict[str, str]:
    """Parameters, mostly the route's own, and some of them as they should be."""
    if not own or fuzzer.chance.random() < 0.2:  # noqa: PLR2004 - a share
        return {fuzzer.chance.choice(_PARAMETERS): fuzzer.text() for _ in range(fuzzer.chance.randrange(3))}
    right = {"signals": signal} | _STRETCH
    query = {name: right[name] for name in own if name in right and fuzzer.chance.random() < 0.8}  # noqa: PLR2004 - a share
    names = fuzzer.chance.choices(own, k=fuzzer.chance.randrange(3))
    return query | {name: fuzzer.text() for name in names}


def _headers(fuzzer: Fuzzer) -> dict[str, str]:
    """What a client says of what it has read, and of what it has sent before, now and then."""
    kind = fuzzer.chance.random()
    if kind < 0.3:  # noqa: PLR2004 - a share
        return {"If-Match": fuzzer.chance.choice(('"1"', '"2"', "*", "1", '"', 'W/"1"'))}
    if kind < 0.4:  # noqa: PLR2004 - a share
        return {"Idempotency-Key": fuzzer.chance.choice(("a", "b", "c" * 300, '"', "é"))}
    return {}


def fuzz_callbacks(world: Strangers, count: int, seed: int) -> Answers:
    """Cases for the pages' callbacks: torn messages of known ones, and messages that are none."""
    fuzzer, answers = Fuzzer(seed), Answers()
    # Cases for the API may have ended their sessions.
    people = {name: world.client(world.again(world.asker(name))) for name in _PEOPLE}
    people["manager"].get("/plant/steel")
    outputs = [output for output, spec in world.dash.callback_map.items() if "callback" in spec]
    for number in range(count):
        path = fuzzer.chance.choice((*_PAGES, fuzzer.text()))
        whole = world.message(fuzzer.chance.choice(outputs), path, fuzzer.value())
        kind = fuzzer.chance.random()
        torn = fuzzer.torn(whole) if kind < 0.8 else whole  # noqa: PLR2004 - a share
        body = fuzzer.body() if kind > 0.95 else json.dumps(torn).encode("utf-8", "surrogatepass")  # noqa: PLR2004 - a share
        client = people[fuzzer.chance.choice(_PEOPLE)]
        answer = client.post(UPDATE, data=body, content_type="application/json", headers=ORIGIN)
        answers.take(f"case {number}: {body[:300]!r}", answer, why=why(world.app))
    return answers


def control() -> int:
    """Stock Dash, asked for an output that it does not have; the status of its answer."""
    stock = Dash("stock", enable_mcp=False, add_log_handler=False)
    stock.layout = html.Div(id="a")
    stock.callback(Output("a", "children"), Input("a", "id"))(str)
    logging.getLogger("stock").disabled = True
    client = stock.server.test_client()
    body = {
        "output": "no.such",
        "outputs": {"id": "no", "property": "such"},
        "inputs": [],
        "changedPropIds": [],
    }
    status: int = client.post(UPDATE, json=body).status_code
    return status


def control_of_document(count: int = 60) -> int:
    """Failures that cases from the document find in a route that does not think of zero."""
    from tundish_deploy.campaigns.fuzz_document import fuzz_document

    with strangers() as world:
        hole = described(body=_Divisor)(lambda _principal, body: {"share": 1 // body.by})
        world.app.add_url_rule(HOLE, "hole.hole", authenticated(hole), methods=["POST"])
        listen(world.app)
        return len(fuzz_document(world, Known(), count, 1, only={HOLE}).failures)


@dataclass
class Found:
    """How the server took a part's cases.

    Attributes:
        api: those for the API.
        callbacks: those for the pages.
    """

    api: Answers = field(default_factory=Answers)
    callbacks: Answers = field(default_factory=Answers)


def part(api: int, callbacks: int, seed: int) -> Found:
    """Cases for the API, about half of them from its document, and for the callbacks, in a world of its own.

    Whatever cases do to a world, such as taking somebody's roles, ends with it.
    """
    # Hypothesis and schemathesis are there for developers only.
    from tundish_deploy.campaigns.fuzz_document import fuzz_document

    with strangers() as world:
        listen(world.app)
        known = fill(world, Callers(world, random.Random(seed)))  # noqa: S311 - a replay, no secret
        # The pages first: the API's cases take people's roles away.
        pages = fuzz_callbacks(world, callbacks, seed)
        answers = fuzz_document(world, known, api // 2, seed)
        answers += fuzz_api(world, known, api - answers.statuses.total(), seed)
        return Found(answers, pages)


def campaign(api: int, callbacks: int, seed: int, runs: Runs = HERE) -> Report:
    """Both, and the controls.

    Args:
        api: cases for the API.
        callbacks: cases for the pages.
        seed: of everything left to chance.
        runs: in how many processes, and for how long.
    """
    parts = max(1, -(-max(api, callbacks) // _CASES_A_PART))
    calls = [
        (
            api // parts + (n < api % parts),
            callbacks // parts + (n < callbacks % parts),
            seed * 1_000 + n,
        )
        for n in range(parts)
    ]
    found = {"api": Answers(), "callbacks": Answers()}
    for done in each(part, calls, runs, Found):
        found["api"] += done.api
        found["callbacks"] += done.callbacks
    conditions: dict[str, Any] = {"seed": seed, "parts": parts}
    for name, answers in found.items():
        conditions[f"{name}: answers by status"] = {str(k): n for k, n in sorted(answers.statuses.items())}
        conditions[f"{name}: failures"] = answers.failures[:20]
    known = operations()
    conditions["operations never done"] = [name for name in known if not found["api"].done(name)]
    conditions["answers by operation"] = {name: found["api"].told(name) for name in known}
    planned = {"api": api, "callbacks": callbacks}
    return Report("campaign fuzz", conditions, list(_figures(found, planned)))


def operations() -> list[str]:
    """Every operation of the API, as its method and address."""
    with strangers() as world:
        return sorted(
            f"{method} {shown(rule)}"
            for rule in world.app.url_map.iter_rules()
            if rule.rule.startswith(API_ROOT)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        )


def _figures(found: dict[str, Answers], planned: dict[str, int]) -> Iterable[Figure]:
    for name, answers in found.items():
        yield judged(f"fuzz_{name}_cases", answers.statuses.total(), "1", "higher", bar=planned[name])
        yield judged(f"fuzz_{name}_failures", len(answers.failures), "1", "lower", bar=0)
    known = operations()
    inside = [found["api"].inside(name) for name in known]
    yield judged("fuzz_api_operations", len(known), "1", "higher")
    yield judged(
        "fuzz_api_operations_done", sum(found["api"].done(name) > 0 for name in known), "1", "higher"
    )
    yield judged("fuzz_api_operations_never_entered", inside.count(0), "1", "lower", bar=0)
    yield judged("fuzz_api_least_cases_inside_an_operation", min(inside), "1", "higher", bar=1)
    yield judged("fuzz_control_stock_dash_status", control(), "1", "higher", bar=FAILURE)
    yield judged("fuzz_control_document_failures", control_of_document(), "1", "higher", bar=1)


def _path(world: Strangers, rule: Rule, fuzzer: Fuzzer, known: Known) -> str:
    odd = fuzzer.chance.random() < 0.3  # noqa: PLR2004 - a share
    values = {
        name: fuzzer.text() if odd else fuzzer.chance.choice(known.of(shown(rule), name))
        for name in sorted(rule.arguments)
    }
    try:
        return world.app.url_map.bind("localhost").build(rule.endpoint, _safe(values), method=None)
    except (ValueError, LookupError):
        return f"{API_ROOT}{fuzzer.chance.randbytes(8).hex()}"


def _safe(values: dict[str, str]) -> dict[str, str]:
    """Without halves of characters, which no address can carry."""
    return {name: text.encode("utf-8", "replace").decode() for name, text in values.items()}
