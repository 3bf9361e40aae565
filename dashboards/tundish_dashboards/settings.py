"""What the screens' web side can be told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tundish_dashboards.live.limits import LiveLimits
from tundish_platform.api.adoption import OFFICIAL


class DashboardSettings(BaseModel):
    """Settings of log-in and pages, checked when built.

    Attributes:
        secret_key: signs the session cookie; at least 32 characters, kept out of the repository.
        session_length: after this a person logs in again, whatever happened in between.
        secure_cookie: send the session cookie over TLS only; set it wherever TLS ends before the server.
        refresh: how often an open page without a stream asks for news.
        recompute: how often a page with a stream asks for what takes computing: charts, reports, predictions.
        live: how many open pages may have a stream, and how it is fed.
        rule_version: adoption rules that the bureau's page starts with; the others can be chosen there.
        max_form_bytes: largest log-in form.
        max_callback_bytes: largest message of a page to the server.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_key: SecretStr = Field(min_length=32)
    session_length: timedelta = timedelta(hours=10)
    secure_cookie: bool = False
    refresh: timedelta = timedelta(seconds=2)
    recompute: timedelta = timedelta(seconds=5)
    live: LiveLimits = Field(default_factory=LiveLimits)
    rule_version: str = OFFICIAL
    max_form_bytes: int = Field(default=16 * 1024, ge=1024)
    max_callback_bytes: int = Field(default=256 * 1024, ge=4096)
