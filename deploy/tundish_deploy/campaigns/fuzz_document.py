"""Cases drawn from the OpenAPI document by schemathesis: what it allows, and what it forbids.

Its own checks are not used: the bar is that no answer is the server's failure. Numbers and names are often
replaced by those of things that exist, because what nobody knows is refused before anything is done with it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.errors import SerializationNotPossible
from schemathesis.core.result import Err

from tundish_deploy.campaigns.fuzz_answers import Answers, why
from tundish_deploy.campaigns.fuzz_callers import Callers
from tundish_deploy.campaigns.fuzz_known import marks

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from tundish_deploy.campaigns.fuzz_known import Known
    from tundish_deploy.campaigns.strangers import Strangers

_DOCUMENT: Final = "/api/v1/openapi.json"
_BASE: Final = "http://localhost"
_STRETCH: Final = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}
_KNOWN_SHARE: Final = 0.8
_QUIET: Final = settings(
    phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


class _Sender:
    """Sends drawn cases of a world.

    Attributes:
        answers: what became of them.
    """

    def __init__(self, world: Strangers, known: Known, chance: random.Random) -> None:
        self._world = world
        self._known = known
        self._chance = chance
        self._callers = Callers(world, chance)
        self._signal = world.signals["Pressure"]
        self._marks = marks(world)
        self.answers = Answers()

    def send(self, case: Any) -> None:  # noqa: ANN401 - schemathesis' own
        """Send a case; one that HTTP cannot carry is none."""
        self._know(case)
        try:
            asked = requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()
        except (ValueError, requests.exceptions.RequestException):
            return
        asker = self._callers.one(self._marks[case.operation.method.upper(), case.operation.path])
        headers = {name: value for name, value in asked.headers.items() if name != "Authorization"}
        answer = self._world.app.test_client().open(
            (asked.url or "").removeprefix(_BASE), method=asked.method, data=asked.body,
            headers=headers | {"Authorization": f"Bearer {asker.token}"},
        )  # fmt: skip
        self._callers.saw(asker, answer.status_code)
        what = f"{asked.method} {asked.url} {asked.body!r}"[:400]
        operation = f"{case.operation.method.upper()} {case.operation.path}"
        self.answers.take(what, answer, operation, why(self._world.app))

    def _know(self, case: Any) -> None:  # noqa: ANN401 - schemathesis' own
        """Put known things in the places of unknown ones, most of the time."""
        for name in case.path_parameters:
            if self._often():
                possible = self._known.of(case.operation.path, name)
                case.path_parameters[name] = self._chance.choice(possible)
        if "signals" in case.query and self._often():
            case.query["signals"] = str(self._signal)
        if "end" in case.query and self._often():
            case.query.update(_STRETCH)
        if isinstance(case.body, dict):
            for name, value in {"signal": self._signal, "version": 1}.items():
                if name in case.body and self._often():
                    case.body[name] = value

    def _often(self) -> bool:
        return self._chance.random() < _KNOWN_SHARE


def fuzz_document(
    world: Strangers, known: Known, count: int, number: int, only: Container[str] | None = None
) -> Answers:
    """About so many cases, as many for each operation and for what is allowed and forbidden there.

    An operation without parameters or body has but a few different cases, and fewer come than were wanted.

    Args:
        world: the platform.
        known: what there is in it.
        count: cases at most.
        number: the seed of all that is left to chance.
        only: addresses; all if absent.
    """
    sender = _Sender(world, known, random.Random(number))  # noqa: S311 - a replay, no secret
    chosen = [one for one in _operations(world) if only is None or one.path in only]
    pairs = [(one, mode) for one in chosen for mode in GenerationMode]
    for at, (operation, mode) in enumerate(pairs):
        mine = count // len(pairs) + (at < count % len(pairs))
        if not mine:
            continue
        try:
            _draw(sender, operation.as_strategy(generation_mode=mode), number, mine)
        except (Unsatisfiable, SerializationNotPossible):
            # Nothing is forbidden there, or the body is bytes of our own.
            continue
    return sender.answers


def _draw(sender: _Sender, cases: Any, number: int, count: int) -> None:  # noqa: ANN401 - a strategy
    @seed(number)
    @settings(_QUIET, max_examples=count)
    @given(case=cases)
    def send(case: Any) -> None:  # noqa: ANN401 - schemathesis' own
        sender.send(case)

    send()


def _operations(world: Strangers) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(world.app.test_client().get(_DOCUMENT).get_json())
    for found in schema.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        yield found.ok()
