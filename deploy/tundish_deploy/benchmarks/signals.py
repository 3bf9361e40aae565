"""How long a search among half a million signals takes: `signal_search_ms`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert

from tundish_platform.assets import SignalSearch, search_signals
from tundish_platform.assets.models import Signal
from tundish_platform.assets.searchtext import search_text
from tundish_platform.tenancy import Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.tenancy.metadata import Metadata

# The largest tenant holds two fifths, as many as a tenant may have; the rest is spread over others.
LARGEST_SHARE: Final = 0.4
OTHERS: Final = 100
_BLOCK: Final = 5_000
_QUANTITIES: Final = (
    ("Pressure", "液压压力", "pressure.hydraulic", "bar"),
    ("Temperature", "轴承温度", "temperature.bearing", "Cel"),
    ("Vibration", "振动速度", "vibration.velocity.rms", "mm/s"),
    ("Flow", "液压流量", "flow.hydraulic", "L/min"),
    ("ActivePower", "有功功率", "power.active", "kW"),
    ("State", "设备状态", "state.packml", ""),
)
_PARTS: Final = ("Circuit", "Pump", "Motor", "Spindle", "Tank")

SEARCHES: Final = {
    "english word": SignalSearch("vibration"),
    "two characters": SignalSearch("压力"),
    "four characters": SignalSearch("轴承温度"),
    "part of a path": SignalSearch("LINE07/M0"),
    "one signal": SignalSearch("pressure19998"),
    "nothing": SignalSearch("no such thing"),
    "word and kind": SignalSearch("pump", kind="pressure"),
    "word and unit that never meet": SignalSearch("pressure", unit="Cel"),
    "kind": SignalSearch(kind="temperature"),
    "unit": SignalSearch(unit="kW"),
    "line": SignalSearch(line="Site1/Area1/LINE01"),
}


def fill(metadata: Metadata, signals: int) -> TenantScope:
    """Put made-up signals into an empty database; returns the largest tenant's scope."""
    largest = int(signals * LARGEST_SHARE)
    sizes = [largest, *((signals - largest) // OTHERS for _ in range(OTHERS))]
    with metadata.session() as session:
        tenants = [create_tenant(session, f"t{n}", f"t{n}", f"t{n}") for n in range(len(sizes))]
        job = job_principal(session, "bench", Role.ANALYST)
        numbers = [tenant.id for tenant in tenants]
    for tenant, size in zip(numbers, sizes, strict=True):
        for start in range(0, size, _BLOCK):
            with metadata.session() as session:
                session.execute(insert(Signal), list(_rows(tenant, start, min(start + _BLOCK, size))))
    return access_tenant(job, "t0", Permission.READ)


def signal_search_ms(metadata: Metadata, scope: TenantScope, repeats: int = 20) -> dict[str, float]:
    """Milliseconds of processor time of each of `SEARCHES`, a page of 100, the median of its repeats."""
    found: dict[str, float] = {}
    for name, wanted in SEARCHES.items():
        times = []
        for _ in range(repeats):
            with metadata.session() as session:
                began = time.process_time()
                search_signals(session, scope, wanted)
                times.append((time.process_time() - began) * 1_000)
        found[name] = sorted(times)[len(times) // 2]
    return found


def _rows(tenant: int, start: int, end: int) -> Iterator[dict[str, Any]]:
    for n in range(start, end):
        name, zh, kind, unit = _QUANTITIES[n % len(_QUANTITIES)]
        part = _PARTS[n // 7 % len(_PARTS)]
        path = f"Site{n % 4}/Area{n % 12}/LINE{n % 60:02d}/M{n % 1500:04d}/{part}/{name}{n}"
        names = (f"{zh} {n}", f"{part} {name.lower()} {n}")
        yield {
            "tenant_id": tenant, "id": n + 1, "path": path, "name_zh": names[0], "name_en": names[1],
            "semantic": kind, "kind": "numeric", "role": "measurement", "unit": unit, "step": False,
            "source": "bench", "low": None, "high": None, "period_s": 1.0,
            "search": search_text(path, *names),
        }  # fmt: skip
