"""Asks every route with every method, and every callback of the pages, as everyone who might."""

from __future__ import annotations

import io
import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from tundish_dashboards.callbacks import ACCESS, ANY_PERSON, OPERATOR, PROGRAMME
from tundish_dashboards.routes import find_route
from tundish_deploy.campaigns.strangers import CANARY, NAMES, ORIGIN, Strangers, strangers, told
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.api.errors import API_ROOT
from tundish_platform.api.guard import Access, access_of, authenticated, open_to_all
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.scope import ROLE_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

    from tundish_deploy.campaigns.strangers import Asker

UPDATE: Final = "/_dash-update-component"
_PAGES: Final = (
    "/overview/steel",
    "/plant/steel",
    "/machine/steel",
    "/market/steel",
    "/market/steel/app/spc-monitor",
    "/models/steel",
    "/people/steel",
    "/audit/steel",
    "/bureau",
    "/account",
)
_OPEN_PAGES: Final = frozenset(
    {"people.login", "people.log_in", "people.code", "people.give_code", "people.language"}
)
# Anybody may ask them; without a token or a provider's answer they refuse in their own way.
_DOORS: Final = frozenset(
    {"invitations.invitation", "invitations.accept", "people.passkey", "providers.go", "providers.back"}
)
_LOG_OUT: Final = "people.log_out"
_PARTS: Final = {
    "tenant": "steel",
    "code": "en",
    "package_name": "dash",
    "fingerprinted_path": "x.js",
    "filename": "tundish.js",
    "number": "1",
}
_STRETCH: Final = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}
# Person and key are nobody's: who asks must not take the roles with which they ask on.
_VALUES: Final = {
    "tenant": "steel",
    "name": "opc",
    "app_id": "spc-monitor",
    "uscc": "91999900TD0000017U",
    "person": "999",
    "key": "999",
}
_REFUSED: Final = frozenset({401, 403, 404})
_SERVER_ERROR: Final = 500
_REDIRECTS: Final = frozenset({302, 303})


@dataclass
class Tally:
    """What was asked and what went wrong.

    Attributes:
        asked: questions by kind.
        refused: answers to those who may not, by status.
        wrong: answers with another status than the marks ask for, in words.
        leaks: answers and logs in which somebody found what is not theirs, in words.
        unmarked: routes and callbacks that say nothing of whom they are for.
        seen: places at which those who may see the canary do.
    """

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def take(self, what: str, asker: Asker, answer: TestResponse, wanted: frozenset[int] | None) -> None:
        """Count an answer; ``wanted`` has the statuses of a refusal, or is ``None`` for who may."""
        data, headers = told(answer), str(answer.headers).encode()
        shown = any(name in data or name in headers for name in NAMES)
        mine = asker.principal is not None and "steel" in asker.principal.tenants
        answer.close()
        if wanted is not None:
            self.refused[answer.status_code] += 1
        if shown and (wanted is not None or not mine):
            self.leaks.append(f"{what} as {asker.name}: {answer.status_code}")
        elif shown:
            self.seen.add(what)
        allowed = wanted is None and answer.status_code not in {401, 403}
        if answer.status_code >= _SERVER_ERROR or not (allowed or answer.status_code in (wanted or ())):
            self.wrong.append(f"{what} as {asker.name}: {answer.status_code}")


def refusal(access: Access | None, asker: Asker) -> frozenset[int] | None:
    """With which statuses a route of the API refuses the asker; ``None`` if it must not."""
    if access is None:
        return frozenset({404})
    if access.open:
        return None
    if asker.principal is None or asker.token is None:
        return frozenset({401})
    if access.tenant is None:
        above = access.above is None or _above(asker, access.above)
        return None if above and (asker.principal.person or not access.person) else frozenset({403})
    if "steel" not in asker.principal.tenants:
        return frozenset({404})
    may = access.tenant in asker.principal.permissions("steel")
    return None if may and (asker.principal.person or not access.person) else frozenset({403})


def _above(asker: Asker, permission: Permission) -> bool:
    roles = frozenset() if asker.principal is None else asker.principal.roles
    return any(permission in ROLE_PERMISSIONS[role] for role in roles)


def refusal_of_callback(access: object, asker: Asker, path: str) -> frozenset[int] | None:
    """The same for a callback of the page at an address."""
    if asker.principal is None:
        return frozenset({401})
    if access == ANY_PERSON:
        return None
    if access in (PROGRAMME, OPERATOR):
        may = _above(asker, Permission.PROGRAMME if access == PROGRAMME else Permission.OPERATE)
    else:
        route = find_route(path)
        if route is not None and route.tenant is None:
            # Nothing comes of a plant's callback on a page of one's own.
            return frozenset({204})
        may = route is not None and access in asker.principal.permissions(str(route.tenant))
    return None if may else frozenset({404})


def ask_routes(
    world: Strangers, tally: Tally, chosen: Callable[[], bool], only: Container[str] | None = None
) -> None:
    """Every route of the API (or some) with every method as every service, who may see things first."""
    askers = sorted((*world.services, *world.people), key=lambda asker: asker.principal is None)
    for rule in _rules(world, api=True):
        if only is not None and rule.rule not in only:
            continue
        access = access_of(world.app.view_functions[rule.endpoint])
        if access is None:
            tally.unmarked.append(rule.endpoint)
        for method in sorted(rule.methods or ()):
            for asker in askers:
                if not chosen():
                    continue
                wanted = refusal(access, asker)
                if method == "OPTIONS":
                    # It names the methods of an address, which two routes may share, and nothing else.
                    wanted = _REFUSED | {200}
                tally.asked["API"] += 1
                tally.take(f"{method} {rule.rule}", asker, _ask(world, rule, method, asker), wanted)


def ask_pages(world: Strangers, tally: Tally, chosen: Callable[[], bool]) -> None:
    """Every other route with every method: without a session nothing, with one nothing of a neighbour's."""
    for rule in _rules(world, api=False):
        path = world.app.url_map.bind("localhost").build(
            rule.endpoint, {name: _PARTS.get(name, "plant/steel") for name in rule.arguments}, method=None
        )
        for method in sorted(rule.methods or ()):
            for asker in world.people:
                leaves = rule.endpoint == _LOG_OUT and method == "POST" and asker.principal is not None
                if leaves or not chosen():
                    continue
                answer = world.client(asker).open(path, method=method, headers=ORIGIN)
                closed = asker.principal is None and rule.endpoint not in _OPEN_PAGES
                to_login = answer.status_code in _REDIRECTS and answer.location.startswith("/login")
                wanted = _REFUSED | (_REDIRECTS if to_login else frozenset()) if closed else None
                if rule.endpoint in _DOORS:
                    wanted = _REFUSED | _REDIRECTS | {200, 405}
                tally.asked["pages"] += 1
                tally.take(f"{method} {rule.rule}", asker, answer, wanted)


def ask_callbacks(world: Strangers, tally: Tally, chosen: Callable[[], bool]) -> None:
    """Every callback as every person at every page."""
    world.client(world.asker("manager")).get(_PAGES[0])
    for output, spec in world.dash.callback_map.items():
        if "callback" not in spec:
            continue
        access = getattr(spec["callback"], ACCESS, None)
        if access is None:
            tally.unmarked.append(output)
        for path in _PAGES:
            for asker in sorted(world.people, key=lambda asker: asker.principal is None):
                if not chosen():
                    continue
                body = world.message(output, path)
                answer = world.client(asker).post(UPDATE, json=body, headers=ORIGIN)
                tally.asked["callbacks"] += 1
                tally.take(
                    f"{output[:60]} at {path}", asker, answer, refusal_of_callback(access, asker, path)
                )


def asked(world: Strangers, every: int = 1) -> Tally:
    """All questions, or every so-many-th; logs are searched, too."""
    tally, numbers = Tally(), iter(range(10**9))

    def chosen() -> bool:
        return next(numbers) % every == 0

    for part in (ask_routes, ask_pages, ask_callbacks):
        with _listening() as heard:
            part(world, tally, chosen)
        if CANARY in heard.getvalue():
            tally.leaks.append(f"the log of {part.__name__}")
    return tally


def control() -> Tally:
    """A platform with holes: an open route, one for any token, a callback past the guard."""
    tally = Tally()
    with strangers() as world:
        _drill(world)
        ask_routes(world, tally, lambda: True, HOLES)
        ask_callbacks(world, tally, lambda: True)
    return tally


def campaign(every: int = 1) -> Report:
    """Both matrices, and the control with its holes.

    Args:
        every: so-many-th question only; 1 for all.
    """
    with strangers() as world:
        tally = asked(world, every)
        routes = len(list(_rules(world, api=True))), len(list(_rules(world, api=False)))
        callbacks = sum("callback" in spec for spec in world.dash.callback_map.values())
        askers = len(world.services) + len(world.people)
    holes = control()
    conditions: dict[str, Any] = {
        "routes of the API": routes[0],
        "routes of the pages": routes[1],
        "callbacks": callbacks,
        "askers": askers,
        "asked": dict(tally.asked),
        "refused by status": {str(status): count for status, count in sorted(tally.refused.items())},
        "wrong": tally.wrong[:20],
        "leaks": tally.leaks[:20],
        "unmarked": tally.unmarked,
        "control's leaks": len(holes.leaks),
        "control's unmarked": holes.unmarked,
    }
    return Report("campaign access", conditions, list(_figures(tally, holes)))


def _figures(tally: Tally, holes: Tally) -> Iterable[Figure]:
    yield judged("access_asked", tally.asked.total(), "1", "higher")
    yield judged("access_refused", tally.refused.total(), "1", "higher")
    yield judged("access_wrong_answers", len(tally.wrong), "1", "lower", bar=0)
    yield judged("access_leaks", len(tally.leaks), "1", "lower", bar=0)
    yield judged("access_unmarked", len(tally.unmarked), "1", "lower", bar=0)
    yield judged("access_canary_seen_by_its_own", len(tally.seen), "1", "higher", bar=1)
    found = {hole for hole in HOLES if any(hole in text for text in (*holes.leaks, *holes.unmarked))}
    yield judged("access_control_holes_found", len(found), "1", "higher", bar=len(HOLES))


HOLES: Final = ("/api/v1/hole-open", "/api/v1/hole-token", "hole-callback")


def _drill(world: Strangers) -> None:
    from dash import Input, Output

    world.app.add_url_rule(HOLES[0], "hole1", open_to_all(lambda: CANARY))
    world.app.add_url_rule(HOLES[1], "hole2", authenticated(lambda principal: f"{principal.name} {CANARY}"))
    world.dash.callback(Output(HOLES[2], "children"), Input("location", "pathname"))(lambda _path: CANARY)


def _rules(world: Strangers, *, api: bool) -> Iterator[Rule]:
    for rule in world.app.url_map.iter_rules():
        if rule.rule.startswith(API_ROOT) is api and rule.rule != UPDATE:
            yield rule


def _ask(world: Strangers, rule: Rule, method: str, asker: Asker) -> TestResponse:
    values = {name: _VALUES.get(name, "1") for name in rule.arguments}
    path = world.app.url_map.bind("localhost").build(rule.endpoint, values, method=None)
    query: dict[str, str] = {}
    if rule.rule.endswith(("/samples", "/export", "/trend", "/summary", "/wide", "/gaps", "/aggregate")):
        query = {"signals": str(world.signals["Pressure"]), **_STRETCH}
        query |= {"format": "json"} if rule.rule.endswith("/samples") else {}
    elif rule.rule.endswith("/stream"):
        query = {"signals": str(world.signals["Pressure"])}
    headers = {} if asker.token is None else {"Authorization": f"Bearer {asker.token}"}
    return world.client(asker).open(path, method=method, headers=headers, json={}, query_string=query)


@contextmanager
def _listening() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, as text."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    with structlog.testing.capture_logs() as entries:
        try:
            yield heard
        finally:
            logging.getLogger().removeHandler(handler)
            heard.write("\n".join(map(str, entries)))
