"""Who lacks a permission, or reaches some signals only, is refused by every function of the marketplace.

Each is asked with as little as it takes to get past the check, were it gone: what then comes is no refusal.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.marketplace import (
    Outcome,
    Run,
    after_run,
    changes_of,
    grant_signals,
    halt_of,
    halts,
    pause,
    record_run,
    recorded_runs,
    restart,
    runs,
    stop,
    subscribe,
    subscription_of,
    subscriptions,
    uses_between,
)
from tundish_platform.marketplace.billing.invoices import invoices_of
from tundish_platform.marketplace.billing.statements import preview, statements_of
from tundish_platform.marketplace.billing.vouchers import vouchers_of
from tundish_platform.marketplace.mapping import confirm, confirmed
from tundish_platform.marketplace.publishing.approved import packages_for
from tundish_platform.marketplace.publishing.fieldruns import own_apps
from tundish_platform.marketplace.publishing.publishers import keys_of
from tundish_platform.marketplace.publishing.review import take_back
from tundish_platform.marketplace.publishing.versions import upload, version_of, versions_of
from tundish_platform.marketplace.records import (
    answer,
    consent_to,
    consents,
    document_file,
    documents,
    keep_documents,
    share,
    sheets,
    unshare,
)
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.trials.truth import Reach, Stretch, known_of
from tundish_platform.trials.trying import (
    apps_on_trial,
    cancel_trial,
    keep_report,
    list_trials,
    running_trial,
    start_trial,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import Catalogue
    from tundish_platform.sdk import Manifest
    from tundish_platform.tenancy.metadata import Metadata

    Act = Callable[..., object]

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
RUN = Run(
    app="quiet", version="0.1.0", started_at=NOW, window_start=NOW, window_end=NOW, seconds=1, rows_in=1,
    values_out=0, isolation="bubblewrap", filtered=True, outcome=Outcome.OK,
)  # fmt: skip
# Of each permission a role that holds another one for the whole tenant.
LACKING = {
    Permission.READ: Role.COLLECTOR,
    Permission.SUBSCRIBE: Role.VIEWER,
    Permission.ANALYSE: Role.OWNER,
    Permission.PUBLISH: Role.VIEWER,
}
NOTHING: Any = None


def scope_of(tenant_id: int, *roles: Role) -> TenantScope:
    who = Principal(1, "tester", {"plant-a": (tenant_id, frozenset(roles))})
    return access_tenant(who, "plant-a", next(iter(who.permissions("plant-a"))))


@pytest.fixture
def metadata(new_sqlite: Callable[[], Metadata]) -> Metadata:
    """What is checked before the database is asked is the same on both."""
    return new_sqlite()


@pytest.fixture
def owner(metadata: Metadata) -> TenantScope:
    """Of a tenant without anything: no second check behind the first one has anything to refuse."""
    with metadata.session() as session:
        tenant = create_tenant(session, "plant-a", "厂", "Plant").id
    return scope_of(tenant, Role.OWNER, Role.ANALYST, Role.APP_DEVELOPER)


def packages(session: Session, scope: TenantScope) -> object:
    return packages_for(session, session, scope)


def asked_by_permission(shelf: Catalogue) -> dict[Permission, list[tuple[Act, tuple[Any, ...]]]]:
    app: Manifest = shelf.app("quiet").manifest
    return {
        Permission.READ: [
            (changes_of, ("quiet",)),
            (consents, ("quiet",)),
            (halts, ()),
            (halt_of, ("quiet",)),
            (confirmed, ("quiet",)),
            (packages, ()),
            (sheets, ("quiet",)),
            (documents, ("quiet",)),
            (document_file, (1,)),
            (runs, ()),
            (recorded_runs, (None, 0, 10)),
            (uses_between, (NOW, NOW)),
            (preview, (date(2026, 3, 1), NOW)),
            (subscriptions, ()),
            (grant_signals, ("quiet",)),
            (subscription_of, ("quiet",)),
            (apps_on_trial, ()),
            (list_trials, ()),
            (known_of, (Reach(frozenset(), frozenset()), Stretch(NOW, NOW), (), None)),
        ],
        Permission.SUBSCRIBE: [
            (restart, ("quiet", NOW)),
            (pause, ("quiet", NOW)),
            (confirm, (app, {}, [], NOW)),
            (answer, ("quiet", NOTHING, {})),
            (consent_to, (app, [])),
            (share, (1, NOW, NOW)),
            (unshare, (1,)),
            (subscribe, (shelf, "quiet", [])),
            (stop, ("quiet",)),
            (start_trial, (app, [], None, {}, NOW)),
            (cancel_trial, (1, NOW)),
            (invoices_of, ()),
            (statements_of, ()),
            (vouchers_of, ()),
        ],
        Permission.ANALYSE: [
            (after_run, ("quiet", "0.1.0", NOW)),
            (keep_documents, (NOTHING, app, [])),
            (record_run, (RUN,)),
            (running_trial, (1,)),
            (keep_report, (1, "", NOTHING, NOW)),
        ],
        Permission.PUBLISH: [
            (own_apps, ()),
            (keys_of, ()),
            (take_back, (1, "", NOW)),
            (upload, (NOTHING, b"", b"", NOW)),
            (versions_of, ()),
            (version_of, ("quiet", "0.1.0")),
        ],
    }


# What tells or changes something of the whole tenant; the others keep to the signals of the scope, or ask
# for a permission that nobody holds for some signals only.
OF_THE_WHOLE = {
    Permission.READ: {"changes_of", "sheets", "documents", "document_file", "known_of", "preview"},
    Permission.SUBSCRIBE: {
        *("restart", "pause", "confirm", "answer", "consent_to", "share", "unshare", "subscribe", "stop"),
        *("start_trial", "invoices_of", "statements_of", "vouchers_of"),
    },
    Permission.PUBLISH: {"keys_of", "upload"},
}


def test_who_lacks_the_permission_is_refused(
    metadata: Metadata, owner: TenantScope, shelf: Catalogue
) -> None:
    for permission, acts in asked_by_permission(shelf).items():
        scope = scope_of(owner.tenant_id, LACKING[permission])
        for act, more in acts:
            with metadata.session() as session:
                told = refusal(session, act, scope, *more)
                assert told == f"tester lacks {permission}", act.__name__


def test_who_reaches_some_signals_only_is_refused(
    metadata: Metadata, owner: TenantScope, shelf: Catalogue
) -> None:
    narrow = owner.narrowed(frozenset({1}), frozenset(Permission))
    for permission, acts in asked_by_permission(shelf).items():
        wanted = OF_THE_WHOLE.get(permission, set())
        asked = {act.__name__: (act, more) for act, more in acts if act.__name__ in wanted}
        assert asked.keys() == wanted
        for name, (act, more) in asked.items():
            with metadata.session() as session:
                assert refusal(session, act, narrow, *more) == "tester may only touch some signals", name


def refusal(session: Session, act: Act, scope: TenantScope, *more: object) -> str:
    try:
        act(session, scope, *more)
    except AccessDenied as refused:
        return str(refused)
    except Exception as other:  # noqa: BLE001 - whatever it is, it is no refusal
        return f"not refused, but {other!r}"
    finally:
        session.rollback()
    return "not refused"
