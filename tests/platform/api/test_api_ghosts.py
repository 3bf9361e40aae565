"""Looks at enterprises through the store: what is found stands for the bureau, and goes when it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_platform.api.ghosts import look_at, look_at_all, suspicion_list
from tundish_platform.assets import upsert_signals
from tundish_platform.programme import enterprises, register_enterprise
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.samples import SampleBatch
    from tundish_platform.tenancy import Principal

NOW = datetime.now(UTC).replace(microsecond=0)
N = 1500
CODES = {"steel": "91999900TD0000017U", "power": "91999900TD0000025N"}


class Plants:
    """Two enterprises with a tenant each, and the way to let them send."""

    def __init__(self, world: World, make_batch: Callable[..., SampleBatch]) -> None:
        self.context = world.context
        self._scopes, self._batch = world.scopes, make_batch
        with self.context.metadata.session() as session:
            for slug, code in CODES.items():
                register_enterprise(
                    session, uscc=code, name_zh=slug, name_en=slug, industry="C3130", region="430202",
                    demo=True, tenant_id=world.scopes[slug].tenant_id,
                )  # fmt: skip

    def send(self, slug: str, values: list[np.ndarray], *, part: str = "A", at: datetime = NOW) -> None:
        specs = [
            SignalSpec(
                path=f"S/{part}/L/M/C/{n}", name_zh="值", name_en="value", semantic="pressure.x", period_s=1.0
            )
            for n in range(len(values))
        ]
        with self.context.metadata.session() as session:
            numbers = upsert_signals(session, self._scopes[slug], f"opc-{part}", specs)
        batches = [
            self._batch(
                SampleKind.NUMERIC, numbers[one.path], series.tolist(), at - timedelta(seconds=len(series))
            )
            for one, series in zip(specs, values, strict=True)
        ]
        self.context.telemetry.append(self._scopes[slug], batches)

    def principal(self, *roles: Role) -> Principal:
        with self.context.metadata.session() as session:
            return replace(job_principal(session, "test"), roles=frozenset(roles))

    def found(self) -> dict[str, list[str]]:
        listed = suspicion_list(self.context, self.principal(Role.BUREAU_OFFICER))
        return {
            slug: sorted(i["reason"] for i in listed if i["uscc"] == code) for slug, code in CODES.items()
        }


@pytest.fixture
def plants(world: World, make_batch: Callable[..., SampleBatch]) -> Plants:
    return Plants(world, make_batch)


def machine(seed: int, signals: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.gamma(2.0, 1.0, N // 30), 30)
    shared = np.cumsum(rng.standard_t(3, N) * (0.1 + load)) / 50
    return [np.round(50 + (1 + s) * shared + load * rng.standard_t(4, N) / 10, 3) for s in range(signals)]


def test_a_later_copy_stands_and_goes_when_the_plant_sends_its_own(plants: Plants) -> None:
    original = machine(1)
    plants.send("steel", original)
    plants.send("power", [1.5 * series for series in original], part="B", at=NOW - timedelta(seconds=7))
    assert look_at_all(plants.context, NOW + timedelta(seconds=1)) == 2
    assert "cloned" in plants.found()["power"] + plants.found()["steel"]
    first = suspicion_list(plants.context, plants.principal(Role.BUREAU_OFFICER))
    look_at_all(plants.context, NOW + timedelta(hours=1))
    again = suspicion_list(plants.context, plants.principal(Role.BUREAU_OFFICER))
    assert [item["since"] for item in again] == [item["since"] for item in first]
    assert {item["looked_at"] for item in again} == {NOW + timedelta(hours=1)}
    look_at_all(plants.context, NOW + timedelta(days=70))
    assert plants.found() == {"steel": [], "power": []}


def test_a_plant_that_sends_random_numbers_is_listed_and_no_value_of_it(plants: Plants) -> None:
    rng = np.random.default_rng(3)
    plants.send("power", [np.round(731.0 + rng.normal(size=N), 3) for _ in range(4)])
    look_at_all(plants.context, NOW + timedelta(seconds=1))
    assert "synthetic" in plants.found()["power"]
    listed = suspicion_list(plants.context, plants.principal(Role.BUREAU_OFFICER))
    assert "731" not in repr(listed)
    assert "S/A/L" not in repr(listed)


def test_only_the_bureau_reads_suspicions(plants: Plants) -> None:
    with pytest.raises(AccessDenied):
        suspicion_list(plants.context, plants.principal(Role.PLATFORM_OPERATOR))


def test_a_look_counts_minutes_from_a_local_monday(plants: Plants) -> None:
    plants.send("power", machine(2))
    with plants.context.metadata.session() as session:
        job = job_principal(session, "programme")
        number = next(e.id for e in enterprises(session) if e.uscc == CODES["power"])
    scope = access_tenant(job, "power", Permission.READ)
    look, connected = look_at(plants.context, scope, number, NOW + timedelta(minutes=2))
    local = datetime.fromtimestamp(connected, UTC) + timedelta(hours=8)
    assert look.active[0] == local.weekday() * 1440 + local.hour * 60 + local.minute
    assert [len(stream.values) for stream in look.streams] == [N] * 3
