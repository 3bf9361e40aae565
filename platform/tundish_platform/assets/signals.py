"""Giving signals their numbers, and finding them again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select, update

from tundish_platform.assets.levels import place_of
from tundish_platform.assets.models import Signal
from tundish_platform.assets.nodes import chunks, nodes_at
from tundish_platform.assets.promises import BrokenTerm, broken_terms
from tundish_platform.assets.searchtext import search_text
from tundish_platform.samples import SampleKind, SignalInfo, SignalSpec
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.kept import SCOPE, rows_of
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Row, Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_SIGNALS: Final = 200_000
MAX_LENGTHS: Final = {"path": 400, "name_zh": 200, "name_en": 200, "semantic": 120, "unit": 40}
MAX_SOURCE_NAME: Final = 120

FIELDS: Final = tuple(SignalInfo.model_fields)
"""Columns that `info_of` takes, in its order."""
# Made once: to put a statement together takes SQLAlchemy longer than to carry it out.
_FOUND: Final = select(*(getattr(Signal, name) for name in FIELDS)).where(
    Signal.tenant_id == SCOPE.tenant_id, Signal.id.in_(bindparam("numbers", expanding=True))
)
_KINDS: Final = select(Signal.id, Signal.kind).where(
    Signal.tenant_id == SCOPE.tenant_id, Signal.id.in_(bindparam("numbers", expanding=True))
)


class SignalRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A signal cannot be taken as declared; nothing of the request was stored.

    Attributes:
        path: which signal.
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, path: str, zh: str, en: str) -> None:
        super().__init__(f"{path}: {en}")
        self.path = path
        self.message_zh = f"{path}: {zh}"
        self.message_en = f"{path}: {en}"


class SignalQuotaReached(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The tenant would have more than `MAX_SIGNALS` signals; nothing of the request was stored."""


class UnknownSignals(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """Numbers that no signal of the scope has; ``ids`` says which."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(f"no signals {', '.join(map(str, ids[:20]))}")
        self.ids = tuple(ids)


def upsert_signals(
    session: Session, scope: TenantScope, source: str, specs: Sequence[SignalSpec]
) -> dict[str, int]:
    """Declare signals: new paths get numbers, known ones keep theirs and take the new specification.

    Args:
        session: of the metadata database.
        scope: of the tenant, with the permission to ingest and not narrowed to some signals.
        source: name of the connector, model or app that declares them.
        specs: the signals; all are taken or none.

    Returns:
        Number by path, for every spec.

    Raises:
        AccessDenied: the scope may not declare signals.
        SignalRefused: a spec is unusable, given twice, or changes the kind of a known signal.
        SignalQuotaReached: too many signals.
    """
    scope.require(Permission.INGEST)
    return _declare(session, scope, source, specs)


def plan_signals(
    session: Session, scope: TenantScope, source: str, specs: Sequence[SignalSpec]
) -> dict[str, int]:
    """`upsert_signals` for an engineer who plans a line before its sources are connected.

    Raises:
        AccessDenied: the scope may not configure.
        SignalRefused: as there.
        SignalQuotaReached: as there.
    """
    scope.require(Permission.CONFIGURE)
    return _declare(session, scope, source, specs)


def _declare(
    session: Session, scope: TenantScope, source: str, specs: Sequence[SignalSpec]
) -> dict[str, int]:
    scope.require_all_signals()
    _check_source(source)
    _check_specs(specs)
    # Writing first takes the tenant's row for us alone, so two connectors never give one number twice.
    held = session.scalar(
        update(Tenant)
        .where(Tenant.id == scope.tenant_id)
        .values(next_signal=Tenant.next_signal)
        .returning(Tenant.next_signal)
    )
    if held is None:
        raise LookupError(f"tenant {scope.slug} is gone")
    if broken := broken_terms(session, scope, specs):
        raise _of_contract(broken[0])
    known = _by_path(session, scope, [spec.path for spec in specs])
    new = [spec for spec in specs if spec.path not in known]
    # Numbers are never given twice, so the counter itself bounds how many signals there can be.
    if held - 1 + len(new) > MAX_SIGNALS:
        raise SignalQuotaReached(f"{held - 1} signals and {len(new)} new ones are more than {MAX_SIGNALS}")
    for spec in specs:
        if (row := known.get(spec.path)) is not None:
            _update(row, spec, source)
    nodes = nodes_at(session, scope, {place_of(spec.path, spec.role) for spec in new})
    rows = [
        Signal(
            tenant_id=scope.tenant_id, id=held + n, source=source,
            asset_id=nodes[place_of(spec.path, spec.role)],
            search=search_text(spec.path, spec.name_zh, spec.name_en), **spec.model_dump(mode="json"),
        )
        for n, spec in enumerate(new)
    ]  # fmt: skip
    session.add_all(rows)
    session.execute(update(Tenant).where(Tenant.id == scope.tenant_id).values(next_signal=held + len(new)))
    session.flush()
    return {row.path: row.id for row in (*known.values(), *rows)}


def list_signals(session: Session, scope: TenantScope) -> list[SignalInfo]:
    """All signals the scope may see, by path."""
    scope.require(Permission.READ)
    query = told(scope).order_by(Signal.path)
    found = [info_of(row) for row in session.execute(query)]
    return found if scope.signals is None else [s for s in found if s.id in scope.signals]


def find_signals(session: Session, scope: TenantScope, ids: Iterable[int]) -> list[SignalInfo]:
    """The signals with these numbers, in the order asked for.

    Raises:
        UnknownSignals: the tenant has no such signals, or the scope may not see them.
    """
    scope.require(Permission.READ)
    wanted = list(dict.fromkeys(ids))
    visible = [i for i in wanted if scope.signals is None or i in scope.signals]
    found: dict[int, SignalInfo] = {}
    for chunk in chunks(visible):
        rows = rows_of(session, scope, _FOUND, numbers=chunk)
        found |= {info.id: info for info in map(info_of, rows)}
    if missing := [i for i in wanted if i not in found]:
        raise UnknownSignals(missing)
    return [found[i] for i in wanted]


def kinds_to_read(session: Session, scope: TenantScope, ids: Iterable[int]) -> dict[int, SampleKind]:
    """Kinds of the signals with these numbers, in the order asked for; a third of the time of `find_signals`.

    Raises:
        UnknownSignals: the tenant has no such signals, or the scope may not see them.
    """
    scope.require(Permission.READ)
    wanted = list(dict.fromkeys(ids))
    visible = [i for i in wanted if scope.signals is None or i in scope.signals]
    found = _kinds_of(session, scope, visible)
    if missing := [i for i in wanted if i not in found]:
        raise UnknownSignals(missing)
    return {i: found[i] for i in wanted}


def signal_kinds(session: Session, scope: TenantScope, ids: Iterable[int]) -> dict[int, SampleKind]:
    """Kind by number, of those numbers that exist; for checking what is sent in.

    Raises:
        AccessDenied: the scope may not ingest.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    return _kinds_of(session, scope, list(ids))


def _kinds_of(session: Session, scope: TenantScope, ids: Sequence[int]) -> dict[int, SampleKind]:
    kinds: dict[int, SampleKind] = {}
    for chunk in chunks(ids):
        rows = rows_of(session, scope, _KINDS, numbers=chunk)
        kinds |= {number: SampleKind(kind) for number, kind in rows}
    return kinds


def _of(scope: TenantScope) -> Select[Signal]:
    return select(Signal).where(Signal.tenant_id == scope.tenant_id)


def _by_path(session: Session, scope: TenantScope, paths: list[str]) -> dict[str, Signal]:
    known: dict[str, Signal] = {}
    for chunk in chunks(paths):
        known |= {row.path: row for row in session.scalars(_of(scope).where(Signal.path.in_(chunk)))}
    return known


def told(scope: TenantScope) -> Select[Any]:
    """The tenant's signals as `info_of` takes them: columns only, for objects cost three times as much."""
    columns = (getattr(Signal, name) for name in FIELDS)
    return select(*columns).where(Signal.tenant_id == scope.tenant_id)


def info_of(row: Row[Any]) -> SignalInfo:
    """A row of `told` as the rest of the platform sees it."""
    return SignalInfo.model_validate(dict(zip(FIELDS, row, strict=True)))


def _update(row: Signal, spec: SignalSpec, source: str) -> None:
    if row.kind != spec.kind.value:
        raise SignalRefused(
            spec.path,
            f"该信号已存有 {row.kind} 类型的数据, 不能改为 {spec.kind}。请使用新的路径, 或改正来源的声明。",
            f"this signal already holds {row.kind} samples and cannot become {spec.kind}. "
            "Declare it under a new path, or correct the source.",
        )
    for name, value in spec.model_dump(mode="json", exclude={"path", "kind"}).items():
        setattr(row, name, value)
    row.source = source
    row.search = search_text(spec.path, spec.name_zh, spec.name_en)


def _of_contract(broken: BrokenTerm) -> SignalRefused:
    promised = f"{broken.name} v{broken.version}"
    return SignalRefused(
        broken.path,
        f"契约 {promised} 承诺 {broken.field} 为 {broken.was!r}, 不能改为 {broken.becomes!r}。"
        "请先声明该契约的新版本, 或改正来源。",
        f"the contract {promised} promises {broken.field} {broken.was!r}, not {broken.becomes!r}. "
        "Declare a new version of the contract first, or correct the source.",
    )


def _check_source(source: str) -> None:
    if not source or len(source) > MAX_SOURCE_NAME or not source.isprintable():
        raise SignalRefused(
            source[:MAX_SOURCE_NAME],
            f"来源名称须为 1 至 {MAX_SOURCE_NAME} 个可见字符。",
            f"a source's name needs 1 to {MAX_SOURCE_NAME} printable characters.",
        )


def _check_specs(specs: Sequence[SignalSpec]) -> None:
    seen: set[str] = set()
    for spec in specs:
        if spec.path in seen:
            raise SignalRefused(spec.path, "同一路径声明了两次。", "the path is declared twice.")
        seen.add(spec.path)
        for name, limit in MAX_LENGTHS.items():
            text: str = getattr(spec, name)
            if len(text) > limit or not text.isprintable():
                raise SignalRefused(
                    spec.path[: MAX_LENGTHS["path"]],
                    f"{name} 须为不超过 {limit} 个可见字符。",
                    f"{name} needs at most {limit} printable characters.",
                )
        if not all(math.isfinite(n) for n in (spec.low, spec.high, spec.period_s) if n is not None):
            raise SignalRefused(
                spec.path,
                "low, high 和 period_s 须为有限数, 或省略。",
                "low, high and period_s must be finite numbers, or absent.",
            )
