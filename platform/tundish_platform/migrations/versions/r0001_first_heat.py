"""The tables of the first heat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them, those that others refer to first."""
    _create_api_token()
    _create_login_attempt()
    _create_tenant()
    _create_user_account()
    _create_enterprise()
    _create_membership()
    _create_sealed_up_to()
    _create_segment()
    _create_signal()
    _create_source()
    _create_subscription()
    _create_token_grant()
    _create_token_role()
    _create_user_role()
    _create_app_run()
    _create_evidence()
    _create_grant()


def downgrade() -> None:
    """Drop them, with all they hold."""
    for table in (
        "grant_",
        "evidence",
        "app_run",
        "user_role",
        "token_role",
        "token_grant",
        "subscription",
        "source",
        "signal",
        "segment",
        "sealed_up_to",
        "membership",
        "enterprise",
        "user_account",
        "tenant",
        "login_attempt",
        "api_token",
    ):
        op.drop_table(table)


def _create_api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="api_token_key"),
        sa.UniqueConstraint("digest", name="api_token_digest_unique"),
        sa.UniqueConstraint("name", name="api_token_name_unique"),
    )


def _create_login_attempt() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("login_digest", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("login_digest", name="login_attempt_key"),
    )
    op.create_index("login_attempt_last_at_index", "login_attempt", ["last_at"])


def _create_tenant() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=True),
        sa.Column("next_signal", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="tenant_key"),
        sa.UniqueConstraint("slug", name="tenant_slug_unique"),
        sa.UniqueConstraint("uscc", name="tenant_uscc_unique"),
        sqlite_autoincrement=True,
    )


def _create_user_account() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="user_account_key"),
        sa.UniqueConstraint("login", name="user_account_login_unique"),
    )


def _create_enterprise() -> None:
    op.create_table(
        "enterprise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("industry", sa.String(length=5), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=True),
        sa.Column("hours_week", sa.Double(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenant.id"], name="enterprise_tenant_reference", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="enterprise_key"),
        sa.UniqueConstraint("tenant", name="enterprise_tenant_unique"),
        sa.UniqueConstraint("uscc", name="enterprise_uscc_unique"),
    )


def _create_membership() -> None:
    op.create_table(
        "membership",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="membership_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="membership_user_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "role", name="membership_key"),
    )
    op.create_index("membership_tenant_id_index", "membership", ["tenant_id"])
    op.create_index("membership_user_id_index", "membership", ["user_id"])


def _create_sealed_up_to() -> None:
    op.create_table(
        "sealed_up_to",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="sealed_up_to_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="sealed_up_to_key"),
    )


def _create_segment() -> None:
    op.create_table(
        "segment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("min_ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("max_ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("max_arrival", sa.DateTime(timezone=True), nullable=False),
        sa.Column("max_sequence", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="segment_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="segment_key"),
    )
    op.create_index("segment_tenant_id_index", "segment", ["tenant_id"])


def _create_signal() -> None:
    op.create_table(
        "signal",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("semantic", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("period_s", sa.Double(), nullable=True),
        sa.Column("step", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="signal_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="signal_key"),
        sa.UniqueConstraint("tenant_id", "path", name="signal_tenant_id_path_unique"),
    )
    op.create_index("signal_tenant_id_index", "signal", ["tenant_id"])


def _create_source() -> None:
    op.create_table(
        "source",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("heartbeat", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="source_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="source_key"),
    )
    op.create_index("source_tenant_id_index", "source", ["tenant_id"])


def _create_subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("app_version", sa.String(length=40), nullable=False),
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("fen_per_month", sa.Integer(), nullable=False),
        sa.Column("schedule_s", sa.Double(), nullable=False),
        sa.Column("window_s", sa.Double(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=200), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.String(length=200), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="subscription_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="subscription_key"),
    )
    op.create_index(
        "subscription_active",
        "subscription",
        ["tenant_id", "app_id"],
        unique=True,
        sqlite_where=sa.text("stopped_at IS NULL"),
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index("subscription_tenant_id_index", "subscription", ["tenant_id"])


def _create_token_grant() -> None:
    op.create_table(
        "token_grant",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="token_grant_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name="token_grant_token_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "token_id", "role", name="token_grant_key"),
    )
    op.create_index("token_grant_tenant_id_index", "token_grant", ["tenant_id"])
    op.create_index("token_grant_token_id_index", "token_grant", ["token_id"])


def _create_token_role() -> None:
    op.create_table(
        "token_role",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name="token_role_token_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_id", "role", name="token_role_key"),
    )


def _create_user_role() -> None:
    op.create_table(
        "user_role",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="user_role_user_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name="user_role_key"),
    )


def _create_app_run() -> None:
    op.create_table(
        "app_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("app_version", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("rows_in", sa.Integer(), nullable=False),
        sa.Column("values_out", sa.Integer(), nullable=False),
        sa.Column("isolation", sa.String(length=20), nullable=False),
        sa.Column("filtered", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("message_zh", sa.String(length=2000), nullable=False),
        sa.Column("message_en", sa.String(length=2000), nullable=False),
        sa.Column("screen", sa.JSON(), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name="app_run_subscription_id_reference",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="app_run_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="app_run_key"),
    )
    op.create_index("app_run_by_start", "app_run", ["tenant_id", "app_id", "started_at"])
    op.create_index("app_run_subscription_id_index", "app_run", ["subscription_id"])
    op.create_index("app_run_tenant_id_index", "app_run", ["tenant_id"])


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("facts_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name="evidence_enterprise_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="evidence_key"),
        sa.UniqueConstraint(
            "enterprise_id", "rule_version", "as_of", name="evidence_enterprise_id_rule_version_as_of_unique"
        ),
    )
    op.create_index("evidence_enterprise_id_index", "evidence", ["enterprise_id"])


def _create_grant() -> None:
    op.create_table(
        "grant_",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("signal_id", sa.Integer(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name="grant__subscription_id_reference",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="grant__tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="grant__key"),
    )
    op.create_index("grant__subscription_id_index", "grant_", ["subscription_id"])
    op.create_index("grant__tenant_id_index", "grant_", ["tenant_id"])
