"""The product's gateway on the benchmark's server. Run as a module by the benchmark alone."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr

from tundish_connectors.delivery import DeliveryConfig
from tundish_connectors.opcua import GatewayConfig, OpcUaConnection, run_connector
from tundish_deploy.logs import configure_logs

_PUBLISH_REQUESTS = 10


def main() -> None:
    """Collect from a server (url, state folder, platform's url, token) until ended."""
    configure_logs("ERROR")
    url, folder, platform, token = sys.argv[1:]
    connection = OpcUaConnection(
        name="bench",
        url=url,
        state_dir=Path(folder),
        security_policy="None",
        prefix="Site/Area/Line",
        publishing_interval_ms=50,
        publish_requests=_PUBLISH_REQUESTS,
    )
    delivery = DeliveryConfig(base_url=platform, tenant="bench", token=SecretStr(token))
    sys.exit(run_connector(GatewayConfig(connection=connection, delivery=delivery)))


if __name__ == "__main__":
    main()
