"""From settings to running connectors and replay servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_deploy.secrets import secret

if TYPE_CHECKING:
    from tundish_connectors.delivery import DeliveryConfig
    from tundish_connectors.opcua import OpcUaConnection
    from tundish_connectors.replay import ReplayConfig
    from tundish_deploy.settings import ConnectionSettings, ReplaySettings, Settings, SourceSettings


def opcua_connection(settings: Settings, connection: ConnectionSettings) -> OpcUaConnection:
    """The connector's configuration for one connection of the settings."""
    from tundish_connectors.collect import ThinRule
    from tundish_connectors.opcua import OpcUaConnection

    return OpcUaConnection(
        name=connection.name,
        url=connection.url,
        state_dir=settings.data_dir / "edge" / connection.name,
        security_policy=connection.security,
        certificate=connection.certificate,
        private_key=connection.private_key,
        trust=connection.trust,
        user=connection.user,
        password=None if connection.password_file is None else secret(connection.password_file),
        security_mode=connection.mode,
        user_certificate=connection.user_certificate,
        user_private_key=connection.user_private_key,
        kit=connection.kit,
        line=connection.line,
        prefix=connection.prefix,
        rules=connection.rules,
        alarms=connection.alarms,
        writable=connection.writable,
        callable=connection.callable,
        publishing_interval_ms=connection.publishing_ms,
        spool_bytes=connection.spool_bytes,
        spool_hours=connection.spool_hours,
        compress=connection.compress,
        thin=tuple(ThinRule.model_validate(rule) for rule in connection.thin),
    )


def delivery(settings: Settings, connection: ConnectionSettings | SourceSettings) -> DeliveryConfig:
    """Where a connection's samples go."""
    from tundish_connectors.delivery import DeliveryConfig

    return DeliveryConfig(
        base_url=settings.server.reached, tenant=connection.tenant, token=secret(connection.token_file)
    )


def collect(settings: Settings, name: str) -> int:
    """Collect from one connection until SIGTERM or SIGINT; returns the process's exit code."""
    source = next((one for one in settings.source if one.name == name), None)
    if source is not None:
        from tundish_deploy.sources import collect_from_source

        return collect_from_source(settings, source)
    from tundish_connectors.opcua import GatewayConfig, run_connector

    connection = next(c for c in settings.connection if c.name == name)
    return run_connector(
        GatewayConfig(
            connection=opcua_connection(settings, connection), delivery=delivery(settings, connection)
        )
    )


def replay_config(replay: ReplaySettings) -> ReplayConfig:
    """The replay server's configuration for one recording of the settings."""
    from tundish_connectors.replay import ReplayConfig

    return ReplayConfig(
        kit=replay.kit,
        port=replay.port,
        speed=replay.speed,
        span_hours=replay.span_hours,
        state_dir=replay.state_dir,
        pki_dir=replay.pki_dir,
        users={replay.user: secret(replay.password_file)},
    )


async def replay_server(settings: Settings, kit: str) -> None:
    """Play one recording until cancelled."""
    from tundish_connectors.replay import serve

    await serve(replay_config(next(r for r in settings.replay if r.kit == kit)))
