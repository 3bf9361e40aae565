import threading
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from tundish_platform.assets import (
    STALE_AFTER,
    Heartbeat,
    SourceRefused,
    list_sources,
    save_heartbeat,
    sources,
)
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import Metadata

BEAT = Heartbeat.model_validate(
    {
        "state": "running",
        "message_zh": "正在采集",
        "message_en": "Collecting",
        "counts": {"received": 10, "queued": 2, "dropped": 0, "sent": 8},
        "spool_hours_left": 12.5,
        "signals": {
            "subscribed": 3,
            "failed": [{"path": "S/A/L/M/C/P", "reason": "BadNodeIdUnknown"}],
            "silent": ["S/A/L/M/C/Q"],
        },
    }
)


@pytest.fixture
def scopes(metadata: Metadata) -> dict[str, TenantScope]:
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, slug, slug)
        job = job_principal(session, "test", Role.ANALYST)
    return {slug: access_tenant(job, slug, Permission.INGEST) for slug in ("steel", "power")}


def test_the_last_word_of_a_source_is_kept_whole(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    before = datetime.now(UTC)
    with metadata.session() as session:
        save_heartbeat(session, scopes["steel"], "opc", Heartbeat(state="down"))
        save_heartbeat(session, scopes["steel"], "opc", BEAT)
        (source,) = list_sources(session, scopes["steel"])
        assert list_sources(session, scopes["power"]) == []
    assert source.model_dump(exclude={"name", "seen_at", "stale"}) == BEAT.model_dump()
    assert source.name == "opc"
    assert before <= source.seen_at <= datetime.now(UTC)
    assert not source.stale


def test_a_source_that_went_quiet_is_stale_whatever_it_said_last(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    with metadata.session() as session:
        save_heartbeat(session, scopes["steel"], "opc", BEAT)
        session.execute(
            text("UPDATE source SET seen_at = :at"),
            {"at": (datetime.now(UTC) - STALE_AFTER - timedelta(seconds=1)).replace(tzinfo=None)},
        )
    with metadata.session() as session:
        (source,) = list_sources(session, scopes["steel"])
    assert source.stale
    assert source.state == "running"


@pytest.mark.parametrize("name", ["", "x" * 121, "a\x00b"])
def test_a_source_needs_a_usable_name(metadata: Metadata, scopes: dict[str, TenantScope], name: str) -> None:
    with pytest.raises(SourceRefused), metadata.session() as session:
        save_heartbeat(session, scopes["steel"], name, BEAT)


def test_a_tenant_cannot_have_any_number_of_sources(
    metadata: Metadata, scopes: dict[str, TenantScope], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_SOURCES", 2)
    with metadata.session() as session:
        for name in ("a", "b", "a"):
            save_heartbeat(session, scopes["steel"], name, BEAT)
        with pytest.raises(SourceRefused):
            save_heartbeat(session, scopes["steel"], "c", BEAT)


def test_only_who_may_ingest_speaks_for_a_source(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    reader = scopes["steel"].narrowed(frozenset(), frozenset({Permission.READ}))
    with pytest.raises(AccessDenied), metadata.session() as session:
        save_heartbeat(session, reader, "opc", BEAT)


def test_first_heartbeats_sent_at_once_are_both_taken(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    failures: list[Exception] = []

    def beat() -> None:
        try:
            with metadata.session() as session:
                save_heartbeat(session, scopes["steel"], "opc", BEAT)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall tell
            failures.append(error)

    threads = [threading.Thread(target=beat) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    "bad",
    [
        {"state": "fine"},
        {"state": "running", "counts": {"received": -1}},
        {"state": "running", "spool_hours_left": float("nan")},
        {"state": "running", "message_en": "a\x00b"},
        {"state": "running", "signals": {"silent": ["\ud800"]}},
        {"state": "running", "surprise": 1},
    ],
)
def test_a_heartbeat_that_is_none_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Heartbeat.model_validate(bad)
