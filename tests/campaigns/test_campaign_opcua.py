"""The OPC UA campaign in small counts, and that its control loses samples."""

from __future__ import annotations

import random

import pytest

from tundish_deploy.campaigns.opcua import stock_loses
from tundish_deploy.campaigns.opcua_frames import mutate, recorded, storm, through_sockets
from tundish_deploy.campaigns.opcua_interop import table, text
from tundish_deploy.campaigns.opcua_lane import lane


def test_malformed_frames_neither_hang_nor_fill_the_client() -> None:
    result = storm("1", 4000)
    assert result.words == []
    assert result.frames == 4000
    assert result.unforeseen == 0
    assert result.refused > 400
    assert result.longest_s < 5.0
    assert result.memory_mb < 50.0


def test_mutations_repeat_and_change_the_frame() -> None:
    frames = recorded()
    assert len(frames) > 50
    twisted = [[mutate(frame, random.Random("1")) for frame in frames] for _ in range(2)]  # noqa: S311 - no secrets
    assert twisted[0] == twisted[1]
    assert sum(one != frame for one, frame in zip(twisted[0], frames, strict=True)) > len(frames) // 2


@pytest.mark.integration
def test_a_hostile_server_is_refused_through_real_sockets() -> None:
    result = through_sockets("1", 3)
    assert result.words == []
    assert (result.frames, result.unforeseen) == (3, 0)
    assert result.longest_s < 5.0


@pytest.mark.integration
def test_a_lane_with_a_cut_and_kills_loses_nothing_unrecorded() -> None:
    result = lane("1", "asyncua", 2, 1, 1)
    assert (result.missing, result.deaf, result.words) == (0, 0, [])
    assert result.samples > 0
    assert len(result.recoveries_s) == 2


@pytest.mark.integration
def test_the_control_loses_samples_without_a_word() -> None:
    assert stock_loses("1") > 0


@pytest.mark.integration
def test_the_interop_table_tells_who_is_let_in_and_who_is_not() -> None:
    titles = [
        "Basic256Sha256, Sign, anonymous",
        "unknown client certificate",
        "server certificate not trusted",
    ]
    found = table(["asyncua"], titles)
    assert found == dict(
        zip(titles, ({"asyncua": word} for word in ("yes", "refused", "refused")), strict=True)
    )
    assert "| Basic256Sha256, Sign, anonymous | yes |" in text(found)
