"""Contracts: a source promises names, units, kinds and periods of some signals, in versions.

A signal that no contract names is raw: it may change with the next declaration.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import delete, select

from tundish_platform.assets.models import ContractTerm, Signal, SignalContract
from tundish_platform.assets.nodes import chunks, hold_tree
from tundish_platform.assets.promises import BrokenTerm, differences
from tundish_platform.audit import record_of
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_TERMS: Final = 5_000
MAX_PAGE: Final = 1_000


class ContractRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The contract cannot be declared so.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class ContractBroken(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The declaration would break who relies on the version that holds; ``broken`` says where."""

    def __init__(self, broken: Sequence[BrokenTerm]) -> None:
        super().__init__(f"{len(broken)} terms, first {broken[0]}")
        self.broken = tuple(broken)


class UnknownContract(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such contract or version, or the scope sees none of its signals."""


def _sample_kind(kind: SampleKind) -> SampleKind:
    if kind is SampleKind.GAP:
        raise ValueError("a signal's samples cannot be gaps")
    return kind


class Term(BaseModel):
    """What is promised of one signal.

    Attributes:
        period_s: a sample comes at least so often; absent for no promise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    path: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]*$")]
    kind: Annotated[SampleKind, AfterValidator(_sample_kind)] = SampleKind.NUMERIC
    unit: Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")] = ""
    semantic: Annotated[str, Field(max_length=120, pattern=r"^[^\x00-\x1f]*$")]
    period_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class ContractSpec(BaseModel):
    """What a source promises.

    Attributes:
        source: name of the connector, model or app that keeps the promise.
        new_version: where the terms would break the version that holds, make the next one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*$")]
    signals: Annotated[tuple[Term, ...], Field(min_length=1, max_length=MAX_TERMS)]
    new_version: bool = False


class ContractInfo(BaseModel):
    """A version of a contract.

    Attributes:
        replaced_at: since when a later version holds.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    version: int
    revision: int
    source: str
    said_at: datetime
    said_by: str
    replaced_at: datetime | None


class Unmet(BaseModel):
    """Where a signal is not as promised now; ``is_now`` is null for a signal that nobody declared."""

    path: str
    field: str
    promised: str | float | None
    is_now: str | float | None


class ContractDetail(ContractInfo):
    """A version with its terms, as far as the scope sees the signals."""

    signals: list[Term]
    unmet: list[Unmet]


def declare_contract(
    session: Session, scope: TenantScope, name: str, spec: ContractSpec, now: datetime
) -> ContractInfo:
    """Promise something of signals: a new contract, an addition to it, or its next version.

    Raises:
        AccessDenied: the scope may not ingest.
        ContractRefused: a path is named twice or in another contract, the contract is another source's, or
            a signal has samples of another kind.
        ContractBroken: the version that holds promises otherwise, and no new version was asked for.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    hold_tree(session, scope)
    terms = {term.path: term for term in spec.signals}
    if len(terms) < len(spec.signals):
        raise ContractRefused("同一路径出现了两次。", "A path is named twice.")
    held = session.scalar(_of(scope, name).where(SignalContract.replaced_at.is_(None)))
    _check_others(session, scope, name, terms)
    if held is None:
        return _write(session, scope, _new(scope, name, 1, spec.source, now), terms, "contract.declared")
    if held.source != spec.source:
        raise ContractRefused(
            f"契约 {name} 属于来源 {held.source}。", f"The contract {name} is of the source {held.source}."
        )
    before = {row.path: row for row in session.scalars(_terms(scope, held.id))}
    if {path: Term.model_validate(row) for path, row in before.items()} == terms:
        return ContractInfo.model_validate(held)
    broken = _broken(held, before, terms)
    if not broken:
        held.revision, held.said_at, held.said_by = held.revision + 1, now, scope.principal
        return _write(session, scope, held, terms, "contract.extended")
    if not spec.new_version:
        raise ContractBroken(broken)
    held.replaced_at = now
    following = _new(scope, name, held.version + 1, spec.source, now)
    said = [f"{one.path}: {one.field} {one.was} → {one.becomes}" for one in broken[:100]]
    return _write(session, scope, following, terms, "contract.new_version", {"breaks": said})


def list_contracts(
    session: Session, scope: TenantScope, *, path: str = "", after: str = "", limit: int = MAX_PAGE
) -> list[ContractInfo]:
    """The versions that hold, by name, a page at a time; with ``path`` the one that names that signal.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    query = (
        select(SignalContract)
        .where(
            SignalContract.tenant_id == scope.tenant_id, SignalContract.replaced_at.is_(None),
            SignalContract.name > after,
        )
    )  # fmt: skip
    if path or scope.signals is not None:
        query = query.where(SignalContract.id.in_(_naming(session, scope, path)))
    rows = session.scalars(query.order_by(SignalContract.name).limit(min(limit, MAX_PAGE)))
    return [ContractInfo.model_validate(row) for row in rows]


def find_contract(
    session: Session, scope: TenantScope, name: str, version: int | None = None
) -> ContractDetail:
    """One version, the one that holds by default, and where signals are not as it promises.

    Raises:
        AccessDenied: the scope may not read.
        UnknownContract: there is none, or the scope sees none of its signals.
    """
    scope.require(Permission.READ)
    query = _of(scope, name)
    wanted = SignalContract.replaced_at.is_(None) if version is None else SignalContract.version == version
    row = session.scalar(query.where(wanted))
    if row is None:
        raise UnknownContract(name)
    terms = [Term.model_validate(term) for term in session.scalars(_terms(scope, row.id))]
    if (visible := _visible(session, scope)) is not None:
        terms = [term for term in terms if term.path in visible]
        if not terms:
            raise UnknownContract(name)
    told = ContractInfo.model_validate(row).model_dump()
    return ContractDetail(**told, signals=terms, unmet=_unmet(session, scope, terms))


def _of(scope: TenantScope, name: str) -> Select[SignalContract]:
    return select(SignalContract).where(
        SignalContract.tenant_id == scope.tenant_id, SignalContract.name == name
    )


def _terms(scope: TenantScope, contract: int) -> Select[ContractTerm]:
    mine = (ContractTerm.tenant_id == scope.tenant_id, ContractTerm.contract_id == contract)
    return select(ContractTerm).where(*mine).order_by(ContractTerm.path)


def _new(scope: TenantScope, name: str, version: int, source: str, now: datetime) -> SignalContract:
    return SignalContract(
        tenant_id=scope.tenant_id, name=name, version=version, revision=1, source=source, said_at=now,
        said_by=scope.principal,
    )  # fmt: skip


def _write(
    session: Session, scope: TenantScope, row: SignalContract, terms: Mapping[str, Term], action: str,
    detail: Mapping[str, Any] | None = None,
) -> ContractInfo:  # fmt: skip
    session.add(row)
    session.flush()
    mine = (ContractTerm.tenant_id == scope.tenant_id, ContractTerm.contract_id == row.id)
    session.execute(delete(ContractTerm).where(*mine))
    session.expire_all()
    session.add_all(
        ContractTerm(tenant_id=scope.tenant_id, contract_id=row.id, **term.model_dump(mode="json"))
        for term in terms.values()
    )
    session.flush()
    subject = f"{row.name} v{row.version}.{row.revision}"
    record_of(session, scope, action, subject, row.said_at, {"signals": len(terms), **(detail or {})})
    return ContractInfo.model_validate(row)


def _broken(
    held: SignalContract, before: Mapping[str, ContractTerm], terms: Mapping[str, Term]
) -> list[BrokenTerm]:
    found: list[BrokenTerm] = []
    for path, term in before.items():
        now = terms.get(path)
        several = [("signal", path, None)] if now is None else differences(term, now)
        found += [BrokenTerm(held.name, held.version, path, *one) for one in several]
    return found


def _check_others(session: Session, scope: TenantScope, name: str, terms: Mapping[str, Term]) -> None:
    for part in chunks(sorted(terms)):
        query = (
            select(ContractTerm.path, SignalContract.name)
            .join(SignalContract, SignalContract.id == ContractTerm.contract_id)
            .where(
                ContractTerm.tenant_id == scope.tenant_id, SignalContract.tenant_id == scope.tenant_id,
                SignalContract.replaced_at.is_(None), SignalContract.name != name,
                ContractTerm.path.in_(part),
            )
        )  # fmt: skip
        for path, other in session.execute(query):
            raise ContractRefused(f"{path} 已属于契约 {other}。", f"{path} is in the contract {other}.")
        kinds = select(Signal.path, Signal.kind).where(
            Signal.tenant_id == scope.tenant_id, Signal.path.in_(part)
        )
        for path, kind in session.execute(kinds):
            if kind != terms[path].kind.value:
                raise ContractRefused(
                    f"{path} 已存有 {kind} 类型的数据。", f"{path} holds {kind} samples, and always will."
                )


def _unmet(session: Session, scope: TenantScope, terms: Sequence[Term]) -> list[Unmet]:
    signals: dict[str, Signal] = {}
    for part in chunks([term.path for term in terms]):
        query = select(Signal).where(Signal.tenant_id == scope.tenant_id, Signal.path.in_(part))
        signals |= {row.path: row for row in session.scalars(query)}
    found: list[Unmet] = []
    for term in terms:
        row = signals.get(term.path)
        several = [("signal", term.path, None)] if row is None else differences(term, row)
        for field, promised, is_now in several:
            found.append(Unmet.model_validate(
                {"path": term.path, "field": field, "promised": promised, "is_now": is_now}
            ))  # fmt: skip
    return found


def _visible(session: Session, scope: TenantScope) -> set[str] | None:
    """Paths of the signals that a narrowed scope may see; None for all."""
    if scope.signals is None:
        return None
    found: set[str] = set()
    for part in chunks(sorted(scope.signals)):
        query = select(Signal.path).where(Signal.tenant_id == scope.tenant_id, Signal.id.in_(part))
        found |= set(session.scalars(query))
    return found


def _naming(session: Session, scope: TenantScope, path: str) -> set[int]:
    """Contracts that name the path, or any that the scope sees."""
    visible = _visible(session, scope)
    paths: Iterable[str] = [path] if path else visible or ()
    wanted = sorted(one for one in paths if visible is None or one in visible)
    found: set[int] = set()
    for part in chunks(wanted):
        query = select(ContractTerm.contract_id).where(
            ContractTerm.tenant_id == scope.tenant_id, ContractTerm.path.in_(part)
        )
        found |= set(session.scalars(query))
    return found
