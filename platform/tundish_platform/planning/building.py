"""Building a draft: all of it in the caller's transaction or nothing, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.alarms import Rule, RuleSpec, change_rule, create_rule, list_rules
from tundish_platform.alarms.listing import MAX_PAGE
from tundish_platform.assets import plan_signals
from tundish_platform.assets.levels import above_path, place_of
from tundish_platform.assets.models import Asset, Signal
from tundish_platform.assets.nodes import chunks, hold_tree, nodes_at
from tundish_platform.audit import record_of
from tundish_platform.planning.outcome import Change, Outcome, Planned
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.planning.drafts import Draft
    from tundish_platform.samples.templates import RuleTemplate
    from tundish_platform.tenancy import TenantScope

_RuleKey = tuple[int, str, str]


def preview(session: Session, scope: TenantScope, draft: Draft) -> Outcome:
    """What `build` would do, without doing it.

    Raises:
        AccessDenied: the scope may not configure.
    """
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()
    nodes, signals = _nodes(session, scope, draft), _signals(session, scope, draft)
    rules = _rules(session, scope)
    return Outcome(
        assets=tuple(_asset(path, nodes.get(path), draft) for path in sorted(_places(draft))),
        signals=tuple(_signal(spec, signals.get(spec.path), draft.source) for spec in draft.signals),
        rules=tuple(_rule(path, rule, signals.get(path), rules, draft) for path, rule in draft.rules),
    )


def build(session: Session, scope: TenantScope, draft: Draft, now: datetime) -> Outcome:
    """Make what is missing and bring up to date what the same source made before.

    Returns:
        What was done; doing it again does nothing.

    Raises:
        AccessDenied: the scope may not configure.
        SignalRefused: a path holds another kind of values.
        SignalQuotaReached: too many signals.
        RuleRefused: too many rules, or one that does not fit its signal.
    """
    scope.require(Permission.CONFIGURE)
    # Before anything is looked at, so that two who build at once do not make rules twice.
    hold_tree(session, scope)
    outcome = preview(session, scope, draft)
    _build_assets(session, scope, draft, outcome)
    wanted = {one.path for one in outcome.signals if one.change in {Change.NEW, Change.CHANGED}}
    plan_signals(session, scope, draft.source, [spec for spec in draft.signals if spec.path in wanted])
    signals = _signals(session, scope, draft)
    known = _rules(session, scope)
    for (path, template), planned in zip(draft.rules, outcome.rules, strict=True):
        spec = _spec(template, signals[path].id)
        if planned.change is Change.NEW:
            create_rule(session, scope, spec, now)
        elif planned.change is Change.CHANGED:
            rule = known[_key(signals[path], template)]
            change_rule(session, scope, rule.id, rule.version, spec, now)
    if not outcome.nothing_to_do:
        record_of(session, scope, "plan.built", draft.source, now, {"signals": len(wanted)})
    return outcome


def _build_assets(session: Session, scope: TenantScope, draft: Draft, outcome: Outcome) -> None:
    numbers = nodes_at(session, scope, (one.path for one in outcome.assets))
    for one in outcome.assets:
        if one.change in {Change.NEW, Change.CHANGED} and one.path in draft.names:
            mine = (Asset.tenant_id == scope.tenant_id, Asset.id == numbers[one.path])
            row = session.scalars(select(Asset).where(*mine)).one()
            row.name_zh, row.name_en = draft.names[one.path]
            row.version += one.change is Change.CHANGED
    session.flush()


def _places(draft: Draft) -> set[str]:
    found = set(draft.names) | {place_of(spec.path, spec.role) for spec in draft.signals}
    for path in list(found):
        above = above_path(path)
        while above:
            found.add(above)
            above = above_path(above)
    return found - {""}


def _nodes(session: Session, scope: TenantScope, draft: Draft) -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for part in chunks(sorted(_places(draft))):
        query = select(Asset).where(Asset.tenant_id == scope.tenant_id, Asset.path.in_(part))
        found |= {row.path: row for row in session.scalars(query)}
    return found


def _signals(session: Session, scope: TenantScope, draft: Draft) -> dict[str, Signal]:
    found: dict[str, Signal] = {}
    for part in chunks([spec.path for spec in draft.signals]):
        query = select(Signal).where(Signal.tenant_id == scope.tenant_id, Signal.path.in_(part))
        found |= {row.path: row for row in session.scalars(query)}
    return found


def _rules(session: Session, scope: TenantScope) -> dict[_RuleKey, Rule]:
    """All rules by what makes them the same: signal, kind and English name."""
    found: dict[_RuleKey, Rule] = {}
    after = 0
    while True:
        rules = list_rules(session, scope, after=after, limit=MAX_PAGE)
        found |= {(rule.signal, rule.kind.value, rule.name_en): rule for rule in rules}
        if len(rules) < MAX_PAGE:
            return found
        after = rules[-1].id


def _asset(path: str, row: Asset | None, draft: Draft) -> Planned:
    if row is None:
        return Planned(path, Change.NEW)
    names = draft.names.get(path)
    if names is None or (row.name_zh, row.name_en) == names:
        return Planned(path, Change.KEPT, row.id)
    # A node that a source made is called as its part of the path; any other name was given by a person.
    code = path.rpartition("/")[2]
    unnamed = row.name_zh == row.name_en == code[: len(row.name_zh)]
    return Planned(path, Change.CHANGED if unnamed else Change.LEFT, row.id)


def _signal(spec: SignalSpec, row: Signal | None, source: str) -> Planned:
    if row is None:
        return Planned(spec.path, Change.NEW)
    told = {name: getattr(row, name) for name in SignalSpec.model_fields}
    if told == spec.model_dump(mode="json"):
        return Planned(spec.path, Change.KEPT, row.id)
    return Planned(spec.path, Change.CHANGED if row.source == source else Change.LEFT, row.id)


def _rule(
    path: str, template: RuleTemplate, signal: Signal | None, known: dict[_RuleKey, Rule], draft: Draft
) -> Planned:
    rule = known.get(_key(signal, template)) if signal is not None else None
    if rule is None:
        return Planned(path, Change.NEW, name_en=template.name_en)
    held = RuleSpec.model_validate(rule.model_dump(include=set(RuleSpec.model_fields)))
    otherwise = Change.CHANGED if draft.keeps_rules else Change.LEFT
    change = Change.KEPT if held == _spec(template, rule.signal) else otherwise
    return Planned(path, change, rule.id, template.name_en)


def _key(signal: Signal, template: RuleTemplate) -> _RuleKey:
    return (signal.id, template.kind, template.name_en)


def _spec(template: RuleTemplate, signal: int) -> RuleSpec:
    return RuleSpec.model_validate({**template.model_dump(exclude={"signal"}), "signal": signal})
