"""Which signals a person confirmed as the inputs of an app, and whether they still are what they were."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, select

from tundish_platform.assets.models import Signal
from tundish_platform.audit import record_of
from tundish_platform.marketplace.catalogue import Compatibility
from tundish_platform.marketplace.changes import Act, keep_change
from tundish_platform.marketplace.grants import give, take
from tundish_platform.marketplace.matching import match, stock_of
from tundish_platform.marketplace.models import InputMapping, Subscription
from tundish_platform.sdk import missing_inputs
from tundish_platform.sdk.fit import Why, obstacles
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.matching import Stock
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk import Manifest
    from tundish_platform.tenancy import TenantScope

MOST: Final = 500
"""Signals that can be confirmed as one input."""

_CONTRACT: Final = ("semantic", "kind", "role", "unit")


class MappingRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """What a person chose cannot serve; the words say why."""

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh
        self.message_en = message_en


class Standing(StrEnum):
    """Whether a confirmed signal still is what it was."""

    AS_CONFIRMED = "as_confirmed"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A signal that was confirmed as an input.

    Attributes:
        path: when it was confirmed.
        changed: what of it is another now: ``semantic``, ``kind``, ``role``, ``unit``.
    """

    key: str
    signal: int
    path: str
    by: str
    at: datetime
    standing: Standing
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a subscription would be granted.

    Attributes:
        inputs: numbers of the signals by input, those without any, too.
        signals: all of them, by path.
        missing: inputs without which the app cannot work and that no signal serves.
        confirmed: whether a person confirmed it; else it is what fits by its semantic kind.
    """

    inputs: Mapping[str, tuple[int, ...]]
    signals: tuple[SignalInfo, ...]
    missing: tuple[str, ...]
    confirmed: bool

    @property
    def fit(self) -> Compatibility:
        """What of the app's inputs is there."""
        return Compatibility(
            found=tuple(key for key, numbers in self.inputs.items() if numbers),
            absent=tuple(key for key, numbers in self.inputs.items() if not numbers),
            missing=self.missing,
            signals=self.signals,
        )


def confirmed(session: Session, scope: TenantScope, app_id: str) -> list[Confirmed]:
    """What was confirmed for an app, by input and path; empty where nobody did."""
    scope.require(Permission.READ)
    return [
        _confirmed(*row)
        for row in session.execute(_rows(scope, app_id).order_by(InputMapping.input_key, InputMapping.path))
        if scope.signals is None or row[0].signal_id in scope.signals
    ]


def choice_for(session: Session, scope: TenantScope, manifest: Manifest, stock: Stock) -> Choice:
    """What a person confirmed and still is so; where nobody did, what fits by semantic kind.

    Args:
        session: of the metadata database.
        scope: whose.
        manifest: of the app.
        stock: all signals of the tenant.
    """
    chosen = confirmed(session, scope, manifest.id)
    if chosen:
        inputs = {one.key: () for one in manifest.inputs} | _served(chosen)
    else:
        inputs = {one.wanted.key: tuple(s.id for s in one.fits) for one in match(manifest, stock)}
    wanted = {number for numbers in inputs.values() for number in numbers}
    granted = tuple(sorted((s for s in stock.signals if s.id in wanted), key=lambda s: s.path))
    return Choice(inputs, granted, missing_inputs(manifest, granted, inputs), bool(chosen))


def served(
    session: Session, scope: TenantScope, app_id: str, granted: Iterable[int]
) -> dict[str, tuple[int, ...]] | None:
    """Granted signals by input, as confirmed and as they still are; None where nobody confirmed any."""
    chosen = confirmed(session, scope, app_id)
    if not chosen:
        return None
    allowed = frozenset(granted)
    return {key: tuple(n for n in numbers if n in allowed) for key, numbers in _served(chosen).items()}


def confirm(
    session: Session,
    scope: TenantScope,
    manifest: Manifest,
    wish: Mapping[str, Iterable[int]],
    signals: Iterable[SignalInfo],
    now: datetime,
) -> Choice:
    """Keep a person's choice in place of the one before; an active subscription reads by it from now on.

    A semantic kind is the source's opinion and may be overruled; kind, role, unit and rate may not.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        manifest: of the app.
        wish: numbers of the signals by input; inputs that are left out have none.
        signals: all of the tenant.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not subscribe.
        MappingRefused: an input or signal that does not exist, one that cannot serve, too many, or none.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    known = {signal.id: signal for signal in signals}
    inputs = _checked(manifest, wish, known)
    before = _served(confirmed(session, scope, manifest.id))
    mine = InputMapping.tenant_id == scope.tenant_id, InputMapping.app_id == manifest.id
    session.execute(delete(InputMapping).where(*mine))
    session.add_all(
        InputMapping(
            tenant_id=scope.tenant_id, app_id=manifest.id, input_key=key, signal_id=number,
            path=known[number].path, confirmed_at=now, confirmed_by=scope.principal,
            **{name: str(getattr(known[number], name)) for name in _CONTRACT},
        )
        for key, numbers in inputs.items() for number in numbers
    )  # fmt: skip
    session.flush()
    choice = choice_for(session, scope, manifest, stock_of(known.values()))
    _grant(session, scope, manifest.id, {s.id for s in choice.signals}, now)
    detail = {
        "inputs": {k: list(v) for k, v in inputs.items()},
        "before": {k: list(v) for k, v in before.items()},
    }
    record_of(session, scope, "mapping.confirmed", manifest.id, now, detail)
    return choice


def also_confirm(
    session: Session, scope: TenantScope, app_id: str, inputs: Mapping[str, Iterable[int]], by: str,
    now: datetime,
) -> list[str]:  # fmt: skip
    """Confirm inputs beside those that were, as a newer version brings them; returns the new ones' keys."""
    there = {one.key for one in confirmed(session, scope, app_id)}
    new = {key: tuple(numbers) for key, numbers in inputs.items() if key not in there}
    wanted = {number for numbers in new.values() for number in numbers}
    known = {
        row.id: row
        for row in session.scalars(
            select(Signal).where(Signal.tenant_id == scope.tenant_id, Signal.id.in_(wanted))
        )
    }
    session.add_all(
        InputMapping(
            tenant_id=scope.tenant_id, app_id=app_id, input_key=key, signal_id=number,
            path=known[number].path, confirmed_at=now, confirmed_by=by,
            **{name: str(getattr(known[number], name)) for name in _CONTRACT},
        )
        for key, numbers in new.items() for number in numbers if number in known
    )  # fmt: skip
    session.flush()
    return sorted(new)


def forget_inputs(session: Session, scope: TenantScope, app_id: str, keys: Iterable[str]) -> None:
    """Take back what `also_confirm` confirmed."""
    session.execute(
        delete(InputMapping).where(
            InputMapping.tenant_id == scope.tenant_id,
            InputMapping.app_id == app_id,
            InputMapping.input_key.in_(list(keys)),
        )
    )


def _rows(scope: TenantScope, app_id: str) -> Select[Any]:
    """What was confirmed, each with the signal as it is now."""
    same = and_(Signal.tenant_id == InputMapping.tenant_id, Signal.id == InputMapping.signal_id)
    now = (getattr(Signal, name) for name in _CONTRACT)
    return (
        select(InputMapping, *now)
        .join(Signal, same, isouter=True)
        .where(InputMapping.tenant_id == scope.tenant_id, InputMapping.app_id == app_id)
    )


def _confirmed(row: InputMapping, *now: str | None) -> Confirmed:
    changed = tuple(name for name, value in zip(_CONTRACT, now, strict=True) if getattr(row, name) != value)
    standing = Standing.GONE if None in now else Standing.CHANGED if changed else Standing.AS_CONFIRMED
    return Confirmed(
        row.input_key, row.signal_id, row.path, row.confirmed_by, row.confirmed_at, standing,
        changed if standing is Standing.CHANGED else (),
    )  # fmt: skip


def _served(chosen: Iterable[Confirmed]) -> dict[str, tuple[int, ...]]:
    """Those that still are what they were, by input."""
    found: dict[str, tuple[int, ...]] = {}
    for one in chosen:
        kept = (one.signal,) if one.standing is Standing.AS_CONFIRMED else ()
        found[one.key] = (*found.get(one.key, ()), *kept)
    return found


def _checked(
    manifest: Manifest, wish: Mapping[str, Iterable[int]], known: Mapping[int, SignalInfo]
) -> dict[str, tuple[int, ...]]:
    wanted = {one.key: one for one in manifest.inputs}
    found = {}
    for key, numbers in wish.items():
        chosen = tuple(dict.fromkeys(numbers))
        if key not in wanted:
            raise MappingRefused(f"应用没有输入 {key}。", f"The app has no input {key}.")
        if len(chosen) > MOST:
            raise MappingRefused(
                f"输入 {key} 最多可确认 {MOST} 个信号。",
                f"At most {MOST} signals can be confirmed for {key}.",
            )
        for number in chosen:
            if number not in known:
                raise MappingRefused(f"本企业没有信号 {number}。", f"There is no signal {number} here.")
            against = [o.why for o in obstacles(wanted[key], known[number]) if o.why is not Why.SEMANTIC]
            if against:
                path, words = known[number].path, ", ".join(against)
                raise MappingRefused(
                    f"信号 {path} 不能作为输入 {key}, 不符合的项: {words}。",
                    f"Signal {path} cannot serve as {key}; what does not fit: {words}.",
                )
        if chosen:
            found[key] = chosen
    if not found:
        raise MappingRefused("请至少确认一个信号。", "Confirm at least one signal.")
    return found


def _grant(session: Session, scope: TenantScope, app_id: str, wanted: set[int], now: datetime) -> None:
    """Let the active subscription, if there is one, read these signals and no others."""
    active = session.scalar(
        select(Subscription.id).where(
            Subscription.tenant_id == scope.tenant_id,
            Subscription.app_id == app_id,
            Subscription.stopped_at.is_(None),
        )
    )
    if active is None:
        return
    taken = take(session, scope, active, now, but=wanted)
    given = give(session, scope, active, wanted, now)
    for act, signals in ((Act.GRANT_WITHDRAWN, taken), (Act.GRANT_GIVEN, given)):
        if signals:
            keep_change(session, scope, active, act, now, {"signals": signals})
