"""Calls of the client that the test of all operations makes, by what they are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tundish_platform.sdk.signing import fingerprint, key_text, new_key, public_part, sign

Call = tuple[str, str, tuple[Any, ...], dict[str, Any], int]

SIGNING = new_key()
START = datetime(2026, 1, 1, tzinfo=UTC)
STRETCH = (START, START + timedelta(days=1))
LATER = datetime(2027, 1, 1, tzinfo=UTC)
RUN = {
    "app": "spc", "version": "1.0.0", "outcome": "ok", "started_at": "2026-01-01T00:00:00Z", "seconds": 1.0,
    "window_start": "2026-01-01T00:00:00Z", "window_end": "2026-01-01T01:00:00Z", "rows_in": 1,
    "values_out": 0, "isolation": "process", "filtered": True, "screen": None,
}  # fmt: skip


def call(operation: str, method: str, *values: object, status: int = 200, **named: object) -> Call:
    return operation, method, values, named, status


@pytest.fixture
def of_jobs() -> list[Call]:
    """What people ask of the queue, and what a worker says that claims the world's job."""
    kinds, held = ["train", "evaluate"], {"tenant": "steel", "id": 1, "lease": "nobody-held-this"}
    line, target = {"line": "S"}, {"target": "power.active"}
    return [
        call("jobs.claim", "claim_job", kinds, "w", 60.0),
        call("jobs.progress", "job_progress", held, 0.5, "半", "half", status=409),
        call("jobs.done", "finish_job", held, {"models": 1}, status=409),
        call("jobs.failed", "fail_job", held, "坏", "bad", again=False, status=409),
        call("jobs.ask", "ask_job", "steel", "train-machines", target, status=201),
        call("jobs.listed", "jobs", "steel", "queued", "train-machines"),
        call("jobs.one", "job", "steel", 2),
        call("jobs.cancel", "cancel_job", "steel", 2),
        call("jobs.schedule_make", "schedule_job", "steel", "evaluate", line, "0 3 * * 1", status=201),
        call("jobs.schedules", "job_schedules", "steel"),
        call("jobs.schedule_remove", "remove_job_schedule", "steel", 2, status=204),
    ]


@pytest.fixture
def of_apps() -> list[Call]:
    """The same of apps, their publishers and the operator's review, which a service may only look at."""
    public = public_part(SIGNING)
    proof = sign(SIGNING, key_text("steel", public))
    return [
        call("marketplace.catalogue", "catalogue"),
        call("marketplace.fit", "compatibility", "steel", "spc", status=404),
        call("marketplace.subscription_list", "subscriptions", "steel"),
        call("marketplace.subscription_start", "subscribe", "steel", "spc", {"k": 1.0}, status=404),
        call("marketplace.subscription_stop", "stop", "steel", "spc"),
        call("marketplace.grants", "grants", "steel", "spc", status=404),
        call("marketplace.inputs", "app_inputs", "steel", "spc", *STRETCH, status=404),
        call("marketplace.run_list", "every_run", "steel", "spc"),
        call("marketplace.run_record", "post_run", "steel", RUN, status=404),
        call("publishing.publisher_register", "register_publisher", "steel", "Acme"),
        call("publishing.key_add", "add_signing_key", "steel", public, proof, status=201),
        call("publishing.publisher", "publisher", "steel"),
        call("publishing.version_send", "send_version", "steel", b"x", b"0" * 64, status=422),
        call("publishing.versions", "versions", "steel"),
        call("publishing.version_one", "version", "steel", "spc", "1.0.0", status=404),
        call("publishing.version_check", "check_version", "steel", "spc", "1.0.0", status=404),
        call("publishing.version_withdraw", "withdraw_version", "steel", "spc", "1.0.0", "r", status=404),
        call("publishing.packages", "packages", "steel"),
        call("publishing.package", "package", "steel", "0" * 64, status=404),
        call("review.versions", "versions_to_review", "approved"),
        call("review.version", "version_to_review", 1, status=404),
        call("review.archive", "archive_to_review", 1, status=404),
        call("review.version_decide", "decide_version", 1, "reject", "r", status=403),
        call("review.keys", "keys_to_confirm"),
        call("review.key_confirm", "confirm_signing_key", "0" * 64, status=403),
        call("review.key_revoke", "revoke_any_signing_key", "0" * 64, LATER, "r", status=403),
        call("publishing.key_revoke", "revoke_signing_key", "steel", fingerprint(public), LATER, "r"),
    ]
