"""The platform's settings: one model, read from `tundish.toml` and the environment; errors name the key."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tundish_deploy.backupsettings import BackupSettings
from tundish_deploy.secrets import secret
from tundish_deploy.serversettings import ServerSettings
from tundish_deploy.storesettings import StoreSettings

if TYPE_CHECKING:
    from tundish_platform.store.lifecycle.policy import PolicyDefaults

DEFAULT_FILE = Path("tundish.toml")


class SettingsError(Exception):
    """The settings cannot be used; the message names each wrong key and what it needs."""


class ConnectionSettings(BaseModel):
    """One OPC UA server to collect from, for one tenant.

    Attributes:
        name: short name of the connection, unique; also its folder below ``data_dir/edge``.
        tenant: slug of the tenant that owns the data.
        url: ``opc.tcp://host:port/…``.
        kit: line kit whose signals are expected, or none.
        token_file: holds the collector's API token.
        user, password_file: log-in at the OPC UA server.
        security: OPC UA security policy; ``None`` is refused unless `allow_insecure`.
        certificate, private_key: this client's; made in the connection's own folder if absent.
        trust: the server's certificate or a folder of trusted ones.
        mode: whether messages are encrypted or only signed.
        user_certificate, user_private_key: log-in with a certificate, in place of a name.
        line, prefix: where the signals stand in the tenant; see `OpcUaConnection`.
        rules: CSV or Excel file that maps browse paths to signals.
        alarms: whether the server's alarms are followed too.
        writable, callable: paths on the server that people may write to, or methods they may call.
        allow_insecure: permit a connection without encryption.
        publishing_ms: publishing interval of the subscription.
        spool_bytes, spool_hours, compress, thin: how data is kept until the platform has it; see `Connection`
            of the connectors. ``thin`` has tables with the keys of `ThinRule`.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    tenant: str
    url: str = Field(pattern=r"^opc\.tcp://")
    kit: str | None = None
    token_file: Path
    user: str | None = None
    password_file: Path | None = None
    security: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = (
        "Basic256Sha256"
    )
    certificate: Path | None = None
    private_key: Path | None = None
    trust: Path | None = None
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    user_certificate: Path | None = None
    user_private_key: Path | None = None
    line: str | None = None
    prefix: str = ""
    rules: Path | None = None
    alarms: bool = False
    writable: tuple[str, ...] = ()
    callable: tuple[str, ...] = ()
    allow_insecure: bool = False
    publishing_ms: float = Field(default=500, ge=10)
    spool_bytes: int = Field(default=2 * 1024**3, ge=32 * 1024**2)
    spool_hours: float | None = Field(default=None, gt=0)
    compress: bool = False
    thin: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_thin(self) -> Self:
        if self.thin:
            # Only who thins loads the connectors for it.
            from tundish_connectors.collect.thinning import ThinRule

            for at, rule in enumerate(self.thin):
                try:
                    ThinRule.model_validate(rule)
                except ValidationError as error:
                    first = error.errors()[0]
                    key = ".".join(str(part) for part in ("thin", at, *first["loc"]))
                    raise ValueError(f"{key}: {first['msg'].removeprefix('Value error, ')}") from error
        return self

    @model_validator(mode="after")
    def _refuse_silent_plain_text(self) -> Self:
        if self.security == "None" and not self.allow_insecure:
            raise ValueError(
                "security None sends values and passwords in clear text; set allow_insecure = true if meant"
            )
        return self


class SourceSettings(BaseModel):
    """One source of another type than OPC UA, for one tenant.

    Attributes:
        name: short name, unique among connections and sources; also its folder below ``data_dir/edge``.
        type: which connector; ``tundish connectors`` lists them.
        tenant: slug of the tenant that owns the data.
        token_file: holds the collector's API token.
        options: the connector's own settings, as its README and schema say.
        secrets: files that hold secret options, by option such as ``password`` or ``devices.0.key``.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    type: Literal["sparkplug", "modbus", "files", "http_push"]
    tenant: str
    token_file: Path
    options: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, Path] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        own = {"name", "state_dir"} & self.options.keys()
        if own:
            raise ValueError(f"{', '.join(sorted(own))} is set by the platform and is no option")
        return self


class ReplaySettings(BaseModel):
    """One replay server that plays a recording over OPC UA.

    Attributes:
        kit: line kit to play.
        port: TCP port on 127.0.0.1.
        speed: seconds of recording per second, until its source time has caught up with the clock.
        span_hours: how far back the live part begins.
        state_dir: where it keeps its position.
        user, password_file: the log-in it asks for.
        pki_dir: its certificate, key and trusted client certificates.
    """

    model_config = ConfigDict(extra="forbid")

    kit: str
    port: int = Field(ge=1, le=65535)
    speed: float = Field(default=60.0, ge=1, le=1000)
    span_hours: float = Field(default=12.0, gt=0)
    state_dir: Path
    user: str
    password_file: Path
    pki_dir: Path


class NoticeSettings(BaseModel):
    """Messages about alarms.

    Attributes:
        key_file: seals the secrets of channels; the same on every machine. Made in the data folder if absent.
        allow: private networks that messages may go to, such as ``10.1.2.3/32`` of the plant's mail server;
            everything that is not on the public internet is refused otherwise.
        timeout_s: for one attempt at a message.
    """

    model_config = ConfigDict(extra="forbid")

    key_file: Path | None = None
    allow: tuple[str, ...] = ()
    timeout_s: float = Field(default=20.0, ge=1, le=60)

    @field_validator("allow")
    @classmethod
    def _check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network)
        return networks


class WorkerSettings(BaseModel):
    """The analytics worker.

    Attributes:
        tenants: slugs whose lines it trains for and scores.
        token_file: holds its API token.
        key_file: signs models; the same on every machine that shares their folder. Made in the data folder
            if absent.
        app_lease_s: seconds that a process holds an app's run beside those that the app may take; what a
            killed process held is run by another one after that.
        cores: processes that a job of one model a machine may use.
        scheduler: address of a Dask scheduler that does such jobs instead, ``tls://host:port``.
    """

    model_config = ConfigDict(extra="forbid")

    tenants: list[str] = Field(default_factory=list)
    token_file: Path | None = None
    key_file: Path | None = None
    app_lease_s: float = Field(default=60, gt=0, le=600)
    cores: int = Field(default=1, ge=1, le=256)
    scheduler: str = ""


class PeopleSection(BaseModel):
    """How people log in, beside their passwords; see `tundish_platform.people.settings.PeopleSettings`.

    Attributes:
        key_file: holds the key that encrypts second factors (``tundish person key``); without it nobody can
            enrol one. `key` is the same from the environment.
        origin: address of the pages as browsers see it; ``http://localhost:<port>`` if absent.
        provider: identity providers, each with the keys of `Provider` and ``client_secret_file``.
    """

    model_config = ConfigDict(extra="forbid")

    key_file: Path | None = None
    key: SecretStr | None = None
    origin: str | None = None
    provider: list[dict[str, Any]] = Field(default_factory=list)


class Settings(BaseSettings):
    """Everything the platform can be told; see each part for its keys.

    Attributes:
        data_dir: store, metadata (unless elsewhere), models, session key, edge state.
        metadata_url: SQLAlchemy URL of the metadata database; SQLite in the data folder if absent.
        metadata_owner_url: the same database with the log-in that owns its tables, for set-up and upgrades
            only; if absent, ``metadata_url``'s log-in owns them.
        metadata_url_file, metadata_owner_url_file: files that hold these, for they hold passwords.
        keys_dir: holds the keys of sessions, documents, figures, channels and models, ``session.key`` and so
            on, the same on every machine; the data folder, where they are made, if absent.
        probe_port: TCP port on which a part other than the server tells whether it is ready; none if absent.
        log_level: of all parts.
        rule_version: adoption rules the bureau's page starts with; the official ones if absent.
        policy: quotas and retention of tenants without a policy of their own, with the keys of
            `PolicyDefaults`: ``raw_days = 90``; what is absent is unlimited.

    Environment variables win over the file: ``TUNDISH_SERVER__PORT=8051`` sets ``server.port``.
    """

    model_config = SettingsConfigDict(env_prefix="TUNDISH_", env_nested_delimiter="__", extra="forbid")

    data_dir: Path = Path(".tundish/data")
    metadata_url: str | None = None
    metadata_owner_url: str | None = None
    metadata_url_file: Path | None = None
    metadata_owner_url_file: Path | None = None
    keys_dir: Path | None = None
    probe_port: int | None = Field(default=None, ge=1, le=65535)
    log_level: str = "INFO"
    rule_version: str | None = None
    policy: dict[str, Any] = Field(default_factory=dict)
    server: ServerSettings = Field(default_factory=ServerSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    notices: NoticeSettings = Field(default_factory=NoticeSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    people: PeopleSection = Field(default_factory=PeopleSection)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    connection: list[ConnectionSettings] = Field(default_factory=list)
    source: list[SourceSettings] = Field(default_factory=list)
    replay: list[ReplaySettings] = Field(default_factory=list)

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the metadata database."""
        return self.metadata_url or f"sqlite:///{(self.data_dir / 'metadata.sqlite').resolve()}"

    @property
    def owner_database(self) -> str:
        """The same for making and changing tables."""
        return self.metadata_owner_url or self.database

    def key(self, name: str) -> Path:
        """Where the key of that name lies, or is to be made."""
        return (self.keys_dir or self.data_dir) / f"{name}.key"

    @property
    def model_key(self) -> Path | None:
        """What signs models; none if it lies beside them."""
        shared = None if self.keys_dir is None else self.key("models")
        return self.worker.key_file or shared

    @property
    def policy_defaults(self) -> PolicyDefaults:
        """What holds for tenants without a policy of their own."""
        # The store loads Arrow; most commands do without.
        from tundish_platform.store.lifecycle.policy import PolicyDefaults

        return PolicyDefaults.model_validate(self.policy)

    @model_validator(mode="after")
    def _read_addresses(self) -> Self:
        for name in ("metadata_url", "metadata_owner_url"):
            file = getattr(self, f"{name}_file")
            if file is None:
                continue
            try:
                read = secret(file).get_secret_value()
            except OSError as error:
                raise ValueError(f"{name}_file: {file} cannot be read ({error.strerror})") from None
            if getattr(self, name) not in {None, read}:
                raise ValueError(f"{name} and {name}_file are both set; take one of them away")
            setattr(self, name, read)
        return self

    @model_validator(mode="after")
    def _one_server_writes(self) -> Self:
        if self.server.processes > 1 and self.store.mode == "in-process":
            raise ValueError(
                "server.processes: several servers cannot all be the store's only writer; set "
                'store.mode = "writer"'
            )
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [*(one.name for one in self.connection), *(one.name for one in self.source)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"connections and sources need names of their own; {twice[0]} is there twice")
        return self

    @model_validator(mode="after")
    def _check_policy(self) -> Self:
        if self.policy:
            try:
                _ = self.policy_defaults
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(str(part) for part in first["loc"])
                raise ValueError(f"policy.{key}: {first['msg']}" if key else str(first["msg"])) from error
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file (its values arrive as initial ones)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_settings(file: Path | None = None) -> Settings:
    """Read the settings from a TOML file and the environment.

    Args:
        file: the file; by default ``tundish.toml`` in the working folder if there is one.

    Raises:
        SettingsError: the file is missing or no TOML, or a key is unknown, missing or wrong.
    """
    path = file if file is not None else (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    values: dict[str, Any] = {}
    if path is not None:
        if not path.is_file():
            raise SettingsError(
                f"The settings file {path} does not exist. Create it or name another with --settings."
            )
        try:
            values = TomlConfigSettingsSource(Settings, toml_file=path)()
        except ValueError as error:
            raise SettingsError(f"{path} is not valid TOML: {error}") from error
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from error


def _explain(error: ValidationError, path: Path | None) -> str:
    lines = [f"The settings{f' in {path}' if path else ''} cannot be used:"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        # A whole table may hold a password.
        silent = problem["type"] == "missing" or isinstance(problem["input"], dict)
        lines.append(f"  {key}: {message}" + ("" if silent else f" (got {problem['input']!r})"))
    return "\n".join(lines)
