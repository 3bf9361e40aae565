"""What contracts promise of signals, and where a declaration would break it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import select

from tundish_platform.assets.models import ContractTerm, SignalContract
from tundish_platform.assets.nodes import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalSpec
    from tundish_platform.tenancy import TenantScope


class Promise(Protocol):
    """What a consumer relies on: the same members in a term and in a signal's specification."""

    @property
    def kind(self) -> str:
        """Of the samples."""
        ...

    @property
    def unit(self) -> str:
        """UCUM code."""
        ...

    @property
    def semantic(self) -> str:
        """Semantic kind."""
        ...

    @property
    def period_s(self) -> float | None:
        """A sample comes at least so often; None for no promise."""
        ...


@dataclass(frozen=True, slots=True)
class BrokenTerm:
    """What a consumer of a contract would find otherwise.

    Attributes:
        name, version: of the contract.
        path: of the signal.
        field: ``kind``, ``unit``, ``semantic``, ``period_s``; or ``signal`` where it is gone.
        was: what was promised.
        becomes: what would be there.
    """

    name: str
    version: int
    path: str
    field: str
    was: object
    becomes: object


def differences(was: Promise, becomes: Promise) -> list[tuple[str, object, object]]:
    """What breaks those who rely on the first when the second stands in its place.

    More samples than promised break nobody; fewer do, and so does another kind, unit or meaning. Pure.
    """
    found: list[tuple[str, object, object]] = [
        (name, str(getattr(was, name)), str(getattr(becomes, name)))
        for name in ("kind", "unit", "semantic")
        if str(getattr(was, name)) != str(getattr(becomes, name))
    ]
    slower = becomes.period_s is None or (was.period_s is not None and becomes.period_s > was.period_s)
    if was.period_s is not None and slower:
        found.append(("period_s", was.period_s, becomes.period_s))
    return found


def broken_terms(session: Session, scope: TenantScope, specs: Sequence[SignalSpec]) -> list[BrokenTerm]:
    """Where these declarations would break contracts that hold."""
    held = select(SignalContract.id).where(
        SignalContract.tenant_id == scope.tenant_id, SignalContract.replaced_at.is_(None)
    )
    if session.scalar(held.limit(1)) is None:
        return []
    by_path = {spec.path: spec for spec in specs}
    found: list[BrokenTerm] = []
    for part in chunks(sorted(by_path)):
        query = (
            select(ContractTerm, SignalContract)
            .join(SignalContract, SignalContract.id == ContractTerm.contract_id)
            .where(
                ContractTerm.tenant_id == scope.tenant_id, SignalContract.tenant_id == scope.tenant_id,
                SignalContract.replaced_at.is_(None), ContractTerm.path.in_(part),
            )
        )  # fmt: skip
        found += [
            BrokenTerm(contract.name, contract.version, term.path, *difference)
            for term, contract in session.execute(query)
            for difference in differences(term, by_path[term.path])
        ]
    return found
