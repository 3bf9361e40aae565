"""Who sends the cases: mostly somebody who may do what the route does, so that they get past the door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.access import refusal

if TYPE_CHECKING:
    import random

    from tundish_deploy.campaigns.strangers import Asker, Strangers
    from tundish_platform.api.guard import Access

_PERMITTED_SHARE: Final = 0.85
_UNKNOWN: Final = 401


class Callers:
    """Services and people with their tokens.

    Args:
        world: the platform.
        chance: chooses.
    """

    def __init__(self, world: Strangers, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self._services = [one for one in world.services if one.principal is not None]
        self._people = {
            one.name: replace(one, token=world.session_token(one))
            for one in world.people
            if one.principal is not None
        }

    def permitted(self, access: Access | None) -> list[Asker]:
        """All who may do what a route with that mark does."""
        return [one for one in self._everyone() if refusal(access, one) is None]

    def one(self, access: Access | None) -> Asker:
        """Somebody for a route with that mark."""
        permitted = self.permitted(access)
        if permitted and self._chance.random() < _PERMITTED_SHARE:
            return self._chance.choice(permitted)
        return self._chance.choice(self._everyone())

    def saw(self, asker: Asker, status: int) -> None:
        """What the asker was answered; a person whose session was ended by a case logs in again."""
        if status == _UNKNOWN and asker.name in self._people:
            self._people[asker.name] = replace(asker, token=self._world.session_token(asker))

    def _everyone(self) -> list[Asker]:
        return [*self._services, *self._people.values()]
