"""What can be set about log-in: the key of second factors, the pages' address, identity providers."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, MultiFernet
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from tundish_platform.people.providers import Provider
from tundish_platform.people.refusal import PeopleRefused

__all__ = ["PeopleSettings", "Provider"]


class PeopleSettings(BaseModel):
    """Settings of log-in, checked when built; secrets come from files or the environment.

    Attributes:
        key: encrypts second factors' secrets: a Fernet key, or several with commas between them, the newest
            first, while one takes the place of another. Without it nobody can enrol a second factor.
        origin: address of the pages as browsers see it, such as ``https://tundish.example``; passkeys are
            bound to its name, and identity providers send people back to it.
        session_length: after this a person logs in again.
        providers: identity providers that people may log in with.
    """

    # What is wrong with a secret is told without it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: SecretStr | None = None
    origin: str = "http://localhost:8050"
    session_length: timedelta = timedelta(hours=10)
    providers: tuple[Provider, ...] = ()

    @field_validator("key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            _cipher(key)
        return key

    @field_validator("origin")
    @classmethod
    def _check_origin(cls, origin: str) -> str:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("must be an address without a path, such as https://tundish.example")
        return origin.rstrip("/")

    @property
    def host(self) -> str:
        """The name that passkeys are bound to."""
        return urlsplit(self.origin).hostname or ""

    def cipher(self) -> MultiFernet:
        """What encrypts second factors.

        Raises:
            PeopleRefused: no key is set.
        """
        if self.key is None:
            raise PeopleRefused(
                "no_key", "平台未配置双因素密钥, 暂不能启用动态验证码。请联系运维人员。",
                "The platform has no key for second factors, so none can be enrolled. Tell the operator.",
            )  # fmt: skip
        return _cipher(self.key)

    def provider(self, name: str) -> Provider | None:
        """The identity provider of that name."""
        return next((one for one in self.providers if one.name == name), None)


def _cipher(key: SecretStr) -> MultiFernet:
    try:
        return MultiFernet([Fernet(one.strip()) for one in key.get_secret_value().split(",")])
    except ValueError as error:
        # Fernet's own words may hold a part of the key.
        raise ValueError("must be a Fernet key: 32 bytes as url-safe base64") from error
