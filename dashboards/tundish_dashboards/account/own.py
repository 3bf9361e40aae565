"""What a person's own page needs beside the person: their part of the metadata, and the session that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from tundish_platform.tenancy.accounts import login_of
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_dashboards.i18n import Texts
    from tundish_platform.people.settings import PeopleSettings
    from tundish_platform.tenancy.metadata import Metadata


@dataclass(frozen=True, slots=True)
class Own:
    """A person at their own page. What is read and written is theirs alone: each call names their number.

    Attributes:
        metadata: reaches people, who stand above tenants.
        people: how people log in.
        secret: of the session that asks.
    """

    person: Person
    metadata: Metadata
    people: PeopleSettings
    secret: str

    @property
    def id(self) -> int:
        """Number of the person."""
        return self.person.principal.id

    @property
    def t(self) -> Texts:
        """The catalogue of the person's language."""
        return self.person.t

    def login(self) -> str:
        """The name the person logs in with."""
        with self.metadata.session() as session:
            return login_of(session, self.id)

    def moment(self, at: datetime | None) -> str:
        """An instant as the page shows it."""
        return self.person.formats.moment(at, seconds=False)

    def takes_passkeys(self) -> bool:
        """Whether the browser is at the address that passkeys are bound to."""
        return self.people.origin.partition("://")[2] == request.host


def own_of(pages: Pages, person: Person) -> Own:
    """The person of the current request at their own page."""
    metadata = pages.context.metadata.above(Above.IDENTITY)
    return Own(person, metadata, pages.sessions.people, pages.sessions.secret())
