"""Where and as whom a gateway delivers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class DeliveryConfig(BaseModel):
    """Address of the platform and the token of one tenant's gateway.

    Attributes:
        base_url: address of the platform without ``/api/v1``, such as ``https://platform.example``.
        tenant: slug of the tenant.
        token: a token with the permission to ingest for this tenant.
        timeout_s: longest wait in seconds for one answer.
        request_bytes: aim for the size of one request; a single larger batch is still sent.
        patience_s: how long `HttpDelivery.ingest` and `put_signals` try before they give up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    tenant: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    token: SecretStr
    timeout_s: float = Field(default=30.0, gt=0)
    request_bytes: int = Field(default=4 * 1024**2, gt=0, le=48 * 1024**2)
    patience_s: float = Field(default=60.0, ge=0)

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
        return value.rstrip("/")
