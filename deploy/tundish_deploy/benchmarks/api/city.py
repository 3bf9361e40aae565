"""A city's metadata in a database: thousands of tenants, half a million signals, keys that call."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from tundish_platform.assets.models import Signal
from tundish_platform.assets.searchtext import search_text
from tundish_platform.migrations import upgrade
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_token
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

# One plant of the city is large: searches are measured in it.
_LARGE_SHARE: Final = 5
_BLOCK: Final = 10_000
_KINDS: Final = (
    ("temperature.bearing", "轴承温度", "Bearing temperature", "Cel"),
    ("pressure.hydraulic", "液压压力", "Hydraulic pressure", "bar"),
    ("flow.coolant", "冷却液流量", "Coolant flow", "L/min"),
    ("vibration.velocity", "振动速度", "Vibration velocity", "mm/s"),
    ("power.active", "有功功率", "Active power", "kW"),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key and the tenant it belongs to.

    Attributes:
        signals: numbers from 1 to this one are the tenant's.
    """

    tenant: str
    token: str
    signals: int


def found_city(url: str, tenants: int, signals: int, callers: int) -> list[Caller]:
    """Make the database; returns those who call, the one of the large tenant first.

    Args:
        url: of an empty database.
        tenants: how many.
        signals: of all of them; the first tenant has a fifth.
        callers: how many tenants have a key.
    """
    counts = _counts(tenants, signals)
    metadata = Metadata(url)
    try:
        upgrade(metadata)
        with metadata.session() as session:
            session.execute(insert(Tenant), [_tenant(n, count) for n, count in enumerate(counts)])
            ids = dict(enumerate(session.scalars(select(Tenant.id).order_by(Tenant.slug))))
            rows = (
                _signal(ids[n], number) for n, count in enumerate(counts) for number in range(1, count + 1)
            )
            while block := list(islice(rows, _BLOCK)):
                session.execute(insert(Signal), block)
        with metadata.session() as session:
            return [
                Caller(_slug(n), create_token(session, _slug(n), {_slug(n): [Role.ANALYST]}), counts[n])
                for n in range(min(callers, tenants))
            ]
    finally:
        metadata.close()


def _counts(tenants: int, signals: int) -> list[int]:
    large = signals // _LARGE_SHARE if tenants > 1 else signals
    each, left = divmod(signals - large, max(1, tenants - 1))
    return [large, *(each + (n < left) for n in range(tenants - 1))]


def _slug(number: int) -> str:
    return f"plant-{number:05}"


def _tenant(number: int, signals: int) -> dict[str, Any]:
    names = {"name_zh": f"企业 {number}", "name_en": f"Plant {number}", "timezone": "Asia/Shanghai"}
    return names | {"slug": _slug(number), "next_signal": signals + 1, "created_at": utc_now()}


def _signal(tenant: int, number: int) -> dict[str, Any]:
    semantic, name_zh, name_en, unit = _KINDS[number % len(_KINDS)]
    machine = number // 10
    path = f"Site/Area/Line {machine // 50}/Machine {machine}/C{number % 10}/{semantic}"
    names = (f"{name_zh} {number}", f"{name_en} {number}")
    return {
        "tenant_id": tenant, "id": number, "source": "bench", "semantic": semantic, "unit": unit,
        "path": path, "name_zh": names[0], "name_en": names[1], "kind": "numeric",
        "role": "measurement", "low": None, "high": None, "period_s": 1.0, "step": False,
        "search": search_text(path, *names),
    }  # fmt: skip


def everyday(caller: Caller, turn: int) -> Iterator[tuple[str, str, str]]:
    """The calls of a key's day: name, method and address below ``/api/v1``."""
    tenant = f"/tenants/{caller.tenant}"
    some = ",".join(str(1 + (turn * 7 + n) % caller.signals) for n in range(min(20, caller.signals)))
    yield "latest", "GET", f"{tenant}/latest?signals={some}"
    yield "signals", "GET", f"{tenant}/signals?limit=100"
    yield "alarms", "GET", f"{tenant}/alarms"
    yield "latest", "GET", f"{tenant}/latest?signals={some}"
    yield "rules", "GET", f"{tenant}/alarm-rules"
    yield "me", "GET", "/me"
    yield "sources", "GET", f"{tenant}/sources"
    yield "send", "POST", f"{tenant}/telemetry"
