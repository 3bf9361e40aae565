"""Calls of the client that the test of all operations makes, by what they are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.sdk.signing import fingerprint, key_text, new_key, public_part, sign

if TYPE_CHECKING:
    from pathlib import Path

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
def of_money(tmp_path: Path) -> list[Call]:
    """The same of subscriptions' lives and of money, of which a service may only look at some."""
    voucher = {"amount_fen": 100, "valid_from": "2026-01-01", "valid_to": "2026-12-31", "purpose": "p"}
    return [
        call("billing.change_list", "subscription_changes", "steel", "spc"),
        call("billing.subscription_pause", "pause_subscription", "steel", "spc", status=404),
        call("billing.subscription_resume", "resume_subscription", "steel", "spc", status=404),
        call("billing.plan_change", "change_plan", "steel", "spc", "month", status=404),
        call("billing.subscription_cancel", "cancel_subscription", "steel", "spc", "remove", status=404),
        call("billing.grant_give", "give_grant", "steel", "spc", 1, status=404),
        call("billing.grant_withdraw", "withdraw_grant", "steel", "spc", 1, status=404),
        call("billing.usage", "usage", "steel", "2026-01"),
        call("billing.statement_list", "statements", "steel"),
        call("billing.statement_one", "statement", "steel", 1, status=404),
        call("billing.statement_file", "save_statement", "steel", 1, tmp_path / "s.xlsx", status=404),
        call("billing.voucher_list", "vouchers", "steel"),
        call("billing.invoice_list", "invoices", "steel"),
        call("money.statements_issue", "issue_statements", "steel", "2026-01", status=403),
        call("money.invoices", "all_invoices", "draft"),
        call("money.invoice_decide", "decide_invoice", "steel", 1, "issue", status=403),
        call("money.reconciliation", "reconcile", "steel"),
        call("money.voucher_issue", "give_voucher", "91999900TD0000017U", voucher, status=403),
        call("money.vouchers", "vouchers_issued"),
        call("money.voucher_totals", "voucher_sums"),
        *of_months(tmp_path),
    ]


def of_months(folder: Path) -> list[Call]:
    """The same of the programme's months, targets and external facts."""
    target = {"year": 2026, "stage": "on_cloud", "kind": "ever", "value": 240, "source": "s"}
    fact = {"kind": "other", "name": "n", "issuer": "i", "issued_on": "2026-01-01", "file_name": "a.pdf"}
    return [
        call("series.figures", "programme_series"),
        call("series.stalled", "stalled", 3),
        call("series.steps", "stalled_steps", 3, "2026.1"),
        call("series.targets", "targets", 2026),
        call("series.target_set", "set_target", target, status=403),
        call("series.target_versions", "target_versions", 1, status=404),
        call("series.declared", "declared_figures"),
        call("drill.industries", "county_industries", "430202", "2026.1"),
        call("drill.within", "staged_enterprises", "430202", "C3130"),
        call("reports.listed", "programme_reports", "2026-02"),
        call("reports.issue_one", "issue_programme_report", "2026-02", status=403),
        call("reports.one", "programme_report", 1, status=404),
        call("reports.file", "save_programme_report", 1, folder / "r.pdf", "pdf", "en", status=404),
        call("external.sums", "external_counts"),
        call("external.of_enterprise", "external_facts", "x", status=404),
        call("external.add", "enter_external", "x", fact, b"%PDF-1", status=403),
        call("external.take_back", "withdraw_external", 1, "r", status=403),
        call("external.sheet", "save_external", folder / "e.xlsx"),
        call("external.document", "save_external_document", 1, folder / "d.pdf", status=404),
    ]


def of_figures(tmp_path: Path) -> list[Call]:
    """The same of what the programme publishes, of which this world has nothing yet."""
    return [
        call("figures.listed", "figures"),
        call("figures.one", "figure", 1, status=404),
        call("figures.current", "figures_head", status=404),
        call("figures.every_head", "figures_heads"),
        call("figures.grown", "figures_growth", 1, 2, status=404),
        call("figures.whole_log", "save_figures", tmp_path / "log.json"),
        call("figures.upcoming", "upcoming_figures", status=404),
        call("figures.open_data", "save_open_data", tmp_path / "figures.zip", status=404),
        call("figures.publication", "publish_figures", status=403),
        *of_sharing(),
    ]


def of_sharing() -> list[Call]:
    """The same of what an enterprise shares."""
    return [
        call("sharing.seen", "sharing", "steel"),
        call("sharing.agree", "agree_to", "steel", "evidence", "2026.1", status=403),
        call("sharing.take_back", "withdraw_consent", "steel", "evidence", status=403),
        call("sharing.named_in_public", "named_enterprises"),
    ]


def of_trials(tmp_path: Path) -> list[Call]:
    """The same of shadow trials."""
    held = {"tenant": "steel", "id": 1, "lease": "nobody-held-this"}
    result = {"step_s": 60.0, "windows": []}
    return [
        call("trials.start", "start_trial", "steel", "spc", {"k": 1.0}, status=404),
        call("trials.listed", "trials", "steel", "spc"),
        call("trials.one", "trial", "steel", 1),
        call("trials.document", "save_trial_document", "steel", 1, tmp_path / "t.pdf", "en", status=404),
        call("trials.samples", "trial_inputs", "steel", 1, *STRETCH, status=409),
        call("trials.result", "post_trial", held, 1, result, status=409),
        call("trials.cancel", "cancel_trial", "steel", 1),
    ]


def of_notes() -> list[Call]:
    """The same of notes on charts and of work done on machines."""
    return [
        call("annotations.make", "annotate", "steel", "S", "n", START, LATER - timedelta(days=1), status=201),
        call("annotations.listed", "annotations", "steel", START, LATER),
        call("annotations.remove", "remove_annotation", "steel", 2, status=204),
        call("maintenance_records.make", "note_maintenance", "steel", "S", "repair", "n", START, status=201),
        call("maintenance_records.listed", "maintenance_records", "steel", "S"),
        call("maintenance_records.remove", "remove_maintenance_record", "steel", 2, status=204),
    ]


def of_handover(tmp_path: Path) -> list[Call]:
    """The same of the shift hand-over."""
    day = {"code": "day", "name_zh": "全天", "name_en": "All day", "begins": "00:00", "ends": "00:00"}
    plan = {"path": "S", "zone": "UTC", "shifts": [day]}
    return [
        call("handover.plan_set", "set_shift_plan", "steel", plan, 1),
        call("handover.plans", "shift_plans", "steel"),
        call("handover.note_make", "hand_over", "steel", "S", START, "n", point=True, status=201),
        call("handover.note_change", "change_handover_note", "steel", 2, "m", point=True),
        call("handover.notes", "handover_notes", "steel", "S", START),
        call("handover.note_take", "take_over", "steel", 1),
        call("handover.point_close", "close_point", "steel", 2),
        call("handover.listed", "handovers", "steel"),
        call("handover.one", "handover", "steel", 1),
        call("handover.file", "save_handover", "steel", 1, tmp_path / "h.xlsx", "xlsx", "en"),
        call("handover.mails", "handover_mails", "steel"),
        call("handover.plan_remove", "remove_shift_plan", "steel", "S", status=204),
    ]


def of_ratings() -> list[Call]:
    """The same of ratings."""
    return [
        call("ratings.every_rating", "app_ratings"),
        call("ratings.rating", "app_rating", "spc", status=404),
        call("ratings.said", "said_of_app", "spc"),
        call("ratings.own", "own_stars", "steel", "spc"),
        call("ratings.give", "give_stars", "steel", "spc", 5, "good", status=403),
        call("ratings.take_back", "take_stars_back", "steel", "spc", status=403),
        call("ratings.hide", "hide_stars", 1, "r", status=403),
        call("ratings.failure_list", "missed_failures", "steel"),
        call("ratings.failure_report", "report_failure", "steel", "S/A/L1", LATER, "n", status=422),
        call("ratings.failure_remove", "remove_failure", "steel", 1, status=404),
        call("ratings.use", "app_use_in_field", "steel", "spc", status=404),
    ]


def of_upgrades() -> list[Call]:
    """The same of upgrades."""
    shadow = {"new": {"version": "1.1.0", "outcome": "ok"}}
    return [
        call("marketplace.run_claim", "claim_run", "steel", "spc", "w", 60.0, status=404),
        call("upgrades.versions", "app_versions_here", "steel", "spc", status=404),
        call("upgrades.listed", "app_upgrades", "steel", "spc"),
        call("upgrades.ask", "upgrade_app", "steel", "spc", "1.1.0", ["window"], status=403),
        call("upgrades.follow", "follow_app", "steel", "spc", "patches", status=403),
        call("upgrades.rollback", "roll_back_app", "steel", "spc", status=403),
        call("upgrades.decide", "decide_upgrade", "steel", 1, take=True, status=403),
        call("upgrades.patches", "begin_patches", "steel"),
        call("upgrades.samples", "upgrade_inputs", "steel", 1, *STRETCH, status=404),
        call("upgrades.shadow", "post_shadow", "steel", 1, shadow, status=404),
    ]


def of_register(tmp_path: Path) -> list[Call]:
    """The same of the programme's register, of which a service may look at most and decide nothing."""
    uscc, other, note = "91999900TD0000017U", "91999900TD0000025N", {"note": "n"}
    filled = tmp_path / "r.csv"
    filled.write_text("uscc,name_zh\n91999900TD0000017U,x\n")
    return [
        call("register.listed", "register", "1", "2026-01-01", search="x"),
        call("register.enter", "enter_enterprise", uscc, {"name_zh": "x"}, status=403),
        call("register.counted", "register_figures", "1"),
        call("register.one", "register_entry", uscc, status=404),
        call("register.edit", "edit_enterprise", uscc, note, 1, status=403),
        call("register.history", "register_history", uscc, status=404),
        call("register.contacts", "register_contacts", uscc, status=403),
        call("register.contact_add", "add_register_contact", uscc, {"name": "x"}, status=403),
        call("register.contact_delete", "delete_register_contact", uscc, 1, status=403),
        call("register.merge_list", "register_merges"),
        call("register.merge", "merge_enterprises", uscc, other, "n", status=403),
        call("register.merge_undo", "undo_merge", 1, "n", status=403),
        call("registerfiles.empty", "save_register_template", tmp_path / "t.xlsx"),
        call("registerfiles.exported", "save_register", tmp_path / "e.csv", park="x"),
        call("registerfiles.exported_with_contacts", "save_register", tmp_path / "c.csv", contacts=True,
             status=403),
        call("registerfiles.import_make", "preview_register", filled, status=201),
        call("registerfiles.import_one", "register_import", 1),
        call("registerfiles.import_confirm", "confirm_register", 1, "0" * 64, status=403),
        call("registerfiles.import_drop", "drop_register_import", 1, status=204),
    ]  # fmt: skip


def of_review() -> list[Call]:
    """The same of the operator's review."""
    return [
        call("review.versions", "versions_to_review", "approved"),
        call("review.version", "version_to_review", 1, status=404),
        call("review.archive", "archive_to_review", 1, status=404),
        call("review.version_decide", "decide_version", 1, "reject", "r", status=403),
        call("review.keys", "keys_to_confirm"),
        call("review.key_confirm", "confirm_signing_key", "0" * 64, status=403),
        call("review.key_revoke", "revoke_any_signing_key", "0" * 64, LATER, "r", status=403),
    ]


@pytest.fixture
def of_apps(tmp_path: Path, of_money: list[Call]) -> list[Call]:
    """The same of apps, their publishers and the operator's review, which a service may only look at."""
    public = public_part(SIGNING)
    proof = sign(SIGNING, key_text("steel", public))
    return [
        *of_money,
        *of_trials(tmp_path),
        *of_ratings(),
        *of_notes(),
        *of_handover(tmp_path),
        *of_upgrades(),
        *of_register(tmp_path),
        *of_figures(tmp_path),
        call("marketplace.catalogue", "catalogue"),
        call("catalogue.categories", "categories"),
        call("catalogue.versions", "app_versions", "spc", status=404),
        call("catalogue.apps", "apps", "steel", "spc"),
        call("catalogue.matching", "matching", "steel", "spc", "S/A/L1", status=404),
        call("catalogue.mapping", "confirm_matching", "steel", "spc", {"k": [1]}, status=403),
        call("marketplace.fit", "compatibility", "steel", "spc", status=404),
        call("marketplace.subscription_list", "subscriptions", "steel"),
        call("marketplace.subscription_start", "subscribe", "steel", "spc", {"k": 1.0}, status=404),
        call("marketplace.subscription_stop", "stop", "steel", "spc"),
        call("marketplace.grants", "grants", "steel", "spc", status=404),
        call("marketplace.inputs", "app_inputs", "steel", "spc", *STRETCH, status=404),
        call("marketplace.run_list", "every_run", "steel", "spc"),
        call("marketplace.run_record", "post_run", "steel", RUN, status=404),
        call("records.wishes", "record_wishes", "steel", "spc", status=404),
        call("records.consent", "consent", "steel", "spc", ["usage"], status=403),
        call("records.read", "app_records", "steel", "spc", "usage", status=404),
        call("records.figures", "give_figures", "steel", "spc", {"oee": 0.5}, "small", status=404),
        call("records.answers", "answers", "steel", "spc"),
        call("records.answers_give", "give_answers", "steel", "spc", {"q": "a"}, status=403),
        call("sealed.listed", "documents", "steel", "spc"),
        call("sealed.keep", "post_documents", "steel", "spc", [{"key": "k", "content": {}}], status=404),
        call("sealed.own", "document", "steel", 1, status=404),
        call("sealed.share_by_code", "share_document", "steel", 1, LATER, status=403),
        call("sealed.share_end", "unshare_document", "steel", 1, status=404),
        call("sealed.shared", "shared_document", "nobody-has-this", status=404),
        call("sealed.key", "document_key"),
        call("publishing.publisher_register", "register_publisher", "steel", "Acme"),
        call("publishing.key_add", "add_signing_key", "steel", public, proof, status=201),
        call("publishing.publisher", "publisher", "steel"),
        call("publishing.version_send", "send_version", "steel", b"x", b"0" * 64, status=422),
        call("publishing.versions", "versions", "steel"),
        call("publishing.version_one", "version", "steel", "spc", "1.0.0", status=404),
        call("publishing.version_check", "check_version", "steel", "spc", "1.0.0", status=404),
        call("publishing.version_withdraw", "withdraw_version", "steel", "spc", "1.0.0", "r", status=404),
        call("publishing.field_run_list", "app_runs_in_field", "steel", "spc", status=404),
        call("publishing.field_halt_list", "app_halts_in_field", "steel", "spc", status=404),
        call("publishing.field_upgrade_list", "app_upgrades_in_field", "steel", "spc", status=404),
        call("publishing.packages", "packages", "steel"),
        call("publishing.package", "package", "steel", "0" * 64, status=404),
        *of_review(),
        call("publishing.key_revoke", "revoke_signing_key", "steel", fingerprint(public), LATER, "r"),
    ]


@pytest.fixture
def unheld() -> set[str]:
    """Calls whose answers have nothing in this test that could be held against their types."""
    return {
        "gaps", "subscribe", "subscriptions", "compatibility", "every_run", "post_run", "claim_run",
        "catalogue", "apps", "app_versions", "matching", "confirm_matching", "adoption", "enterprises",
        "evidence", "suspicions", "add_passkey", "passkeys", "passkey_log_in", "alarm_floods", "move_asset",
        "products_on", "resolve", "job_progress", "finish_job", "fail_job", "versions", "version",
        "check_version", "withdraw_version", "send_version", "packages", "versions_to_review",
        "version_to_review", "decide_version", "confirm_signing_key", "revoke_any_signing_key",
        "subscription_changes", "pause_subscription", "resume_subscription", "change_plan",
        "cancel_subscription", "give_grant", "withdraw_grant", "statements", "statement", "vouchers",
        "invoices", "issue_statements", "all_invoices", "decide_invoice", "give_voucher",
        "vouchers_issued", "start_trial", "post_trial", "record_wishes", "consent", "answers",
        "give_answers", "documents", "share_document", "restart_app", "app_runs_in_field",
        "app_halts_in_field", "app_ratings", "app_rating", "said_of_app", "give_stars", "hide_stars",
        "missed_failures", "report_failure", "app_use_in_field",
        "app_upgrades_in_field", "app_versions_here", "app_upgrades", "upgrade_app",
        "follow_app", "roll_back_app", "decide_upgrade", "begin_patches", "post_shadow",
        "register", "register_entry", "register_history", "register_contacts",
        "register_merges", "enter_enterprise", "edit_enterprise", "add_register_contact",
        "merge_enterprises", "confirm_register",
        "stalled", "stalled_steps", "targets", "set_target", "target_versions", "external_facts",
        "enter_external", "withdraw_external",
        "figures", "figure", "figures_head", "figures_heads", "figures_growth",
        "publish_figures", "upcoming_figures", "agree_to", "withdraw_consent", "named_enterprises",
        "programme_reports", "issue_programme_report", "programme_report", "staged_enterprises",
        "county_industries", "handover_mails",
    }  # fmt: skip
