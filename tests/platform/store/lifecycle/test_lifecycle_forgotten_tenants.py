"""Removing signals asks for the tenant that is meant, everywhere: the first tenant is gone, others stay."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import NoResultFound

from tundish_platform.store.lifecycle.forgotten import ForgottenSignals, SignalRemovals, ask_removal
from tundish_platform.store.lifecycle.tables import SignalRemoval
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Place:
    """Has one tenant's files, and keeps whose signals it was told to remove."""

    def __init__(self, tenant: int) -> None:
        self.tenant = tenant
        self.removed: list[tuple[int, list[int]]] = []

    def has(self, tenant_id: int) -> bool:
        return tenant_id == self.tenant

    def without(self, tenant_id: int, signals: Sequence[int]) -> int:
        self.removed.append((tenant_id, list(signals)))
        return 4


def test_each_process_removes_what_is_asked_of_the_tenants_whose_files_it_has(
    new_sqlite: Callable[[], Metadata],
) -> None:
    metadata = new_sqlite()
    scopes: dict[str, TenantScope] = {}
    with metadata.session() as session:
        for slug in ("first", "steel", "power"):
            create_tenant(session, slug, slug, slug)
            job = job_principal(session, "test", Role.OWNER)
            scopes[slug] = access_tenant(job, slug, Permission.SUBSCRIBE)
        session.execute(delete(Tenant).where(Tenant.slug == "first"))
        asked = [ask_removal(session, scopes[slug], [7], "why", NOW) for slug in ("steel", "power")]
    place = Place(scopes["steel"].tenant_id)
    removals = SignalRemovals(metadata, place, lambda: NOW)
    assert removals.turn() == 4
    assert removals.problems == []
    assert place.removed == [(scopes["steel"].tenant_id, [7])]
    with pytest.raises(NoResultFound):
        removals._one(scopes["steel"].tenant_id, asked[1], [7])
    with metadata.session() as session:
        query = select(SignalRemoval.id, SignalRemoval.passes).order_by(SignalRemoval.id)
        passes = [row.passes for row in session.execute(query)]
    assert passes == [1, 0]


def test_files_are_opened_and_held_for_the_tenant_that_is_meant() -> None:
    asked: list[tuple[object, ...]] = []

    def keeping(answer: object) -> Callable[..., Any]:
        def call(*what: object) -> object:
            asked.append(what)
            return answer

        return call

    store = SimpleNamespace(segments=list, forget_segments=lambda: None)
    catalog: Any = SimpleNamespace(has=keeping(True), slug=keeping("steel"))  # noqa: FBT003 - an answer
    tenants: Any = SimpleNamespace(open=keeping(store))
    retained: Any = SimpleNamespace(gather=keeping(None), alone=keeping(nullcontext()))
    place = ForgottenSignals(catalog, tenants, retained)
    assert place.has(7)
    assert place.without(7, [1]) == 0
    assert asked == [(7,), (7,), (7,), (7, "steel"), (7,)]
