"""The OPC UA benchmark's streams mean what their checksums say; a client that reads too little fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_connectors.opcua.decode import decode_bodies
from tundish_deploy.benchmarks.opcua.ours import summed
from tundish_deploy.benchmarks.opcua.processes import ClientError, replay_server
from tundish_deploy.benchmarks.opcua.run import Options, Scene, _check, _run
from tundish_deploy.benchmarks.opcua.workload import Plan, expected, ring, sums

if TYPE_CHECKING:
    from pathlib import Path

MIXED = Plan("mixed", "mixed", 200, 200)
SMALL = Plan("small", "float64", 40, 10)


@pytest.mark.parametrize("plan", [MIXED, SMALL], ids=["mixed", "small"])
def test_each_body_sums_up_to_what_is_expected_of_it(plan: Plan) -> None:
    bodies = ring(plan, list(range(plan.items)))
    got = [summed(decode_bodies([body])) for body in bodies]
    assert got == [(plan.each, one) for one in sums(plan)]
    everything = [total for _, total in got * 2]
    assert expected(plan, len(bodies) + 3) == sum(everything[: len(bodies) + 3])
    assert len({total for _, total in got}) > 1, "a client that reads the first body for ever would pass"


def test_a_client_that_misses_a_value_or_a_status_fails_the_run() -> None:
    whole = {"all_values": 400.0, "checksum": expected(MIXED, 2)}
    _check("ours", MIXED, whole)
    for lacking in ({**whole, "checksum": whole["checksum"] - 1000.0}, {**whole, "all_values": 399.0}):
        with pytest.raises(ClientError, match="ours has read mixed as"):
            _check("ours", MIXED, lacking)


@pytest.mark.integration
def test_our_client_reads_an_encrypted_plant_as_it_was_sent(tmp_path: Path) -> None:
    with replay_server(tmp_path, [MIXED]) as server:
        scene = Scene("mixed", MIXED, encrypted=True)
        cost = _run("ours", scene, server, Options(seconds=0.2))
    assert cost.rate > 0
    assert cost.cpu > 0
