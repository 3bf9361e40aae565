"""The part of `Client` about the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tundish_platform.sdk.calls.model_answers import (
        ModelDecision,
        ModelDetail,
        ModelInfo,
        ModelReport,
        ModelRoles,
    )


class ModelCalls(Transport):
    """Versions of models, what people decided about them, and how they fare."""

    def register_model(
        self, tenant: str, line: str, model: str, version: str, digest: str, card: Mapping[str, Any]
    ) -> ModelInfo:  # fmt: skip
        """Register a version; doing it again answers how it stands. The model's bytes stay with the caller.

        Args:
            tenant: its short name.
            line: path of the line.
            model: id of the kind of model.
            version: which is new.
            digest: SHA-256 of the model's file, hexadecimal.
            card: ``trained_from, trained_to`` (ISO 8601 with a zone), ``cases, features, code, protocol_zh,
                protocol_en, metrics, limits_zh, limits_en``, and whatever else shall be shown with it.

        Raises:
            ApiError: ``other_digest`` if the version is there with another digest, or another refusal.
        """
        body = {"line": line, "model": model, "version": version, "digest": digest, "card": dict(card)}
        made: ModelInfo = self._post(of(tenant, "models"), body)
        return made

    def models(
        self, tenant: str, line: str | None = None, model: str | None = None, state: str | None = None
    ) -> Iterator[ModelInfo]:
        """Versions, the newest first, of a line (or below a path), a model, a state, fetched page by page."""
        return self._every(of(tenant, "models"), given(line=line, model=model, state=state))

    def model(self, tenant: str, number: int) -> ModelDetail:
        """One version with its card."""
        found: ModelDetail = self._json("GET", of(tenant, "models", number))
        return found

    def model_roles(self, tenant: str, line: str | None = None, model: str | None = None) -> list[ModelRoles]:
        """Which version of each line's models is champion, and which are in shadow."""
        return list(self._every(of(tenant, "models", "roles"), given(line=line, model=model)))

    def decide_model(self, tenant: str, number: int, decision: str, reason: str) -> ModelDetail:
        """Approve, shadow, promote, reject, retire or roll-back a version; for people.

        Raises:
            ApiError: ``decision_refused`` if it does not stand so, or another refusal.
        """
        body = {"decision": decision, "reason": reason}
        decided: ModelDetail = self._post(of(tenant, "models", number, "decision"), body)
        return decided

    def model_decisions(self, tenant: str, number: int) -> Iterator[ModelDecision]:
        """What was decided about a version, the newest first, fetched page by page."""
        return self._every(of(tenant, "models", number, "decisions"))

    def report_model(
        self, tenant: str, number: int, kind: str, level: str, moment: datetime, evidence: Mapping[str, Any]
    ) -> ModelReport:  # fmt: skip
        """Report on a version; of one kind and moment the first report stays.

        Args:
            tenant: its short name.
            number: id of the version.
            kind: ``drift``, ``comparison`` or ``proposal``.
            level: ``ok``, ``watch`` or ``act``.
            moment: source time up to which data was looked at.
            evidence: JSON of at most 64 KiB; texts for people come as ``…_zh`` and ``…_en``.
        """
        body = {"kind": kind, "level": level, "moment": moment.isoformat(), "evidence": dict(evidence)}
        made: ModelReport = self._post(of(tenant, "models", number, "reports"), body)
        return made

    def model_reports(self, tenant: str, number: int, kind: str | None = None) -> Iterator[ModelReport]:
        """Reports on a version, the newest first, fetched page by page."""
        return self._every(of(tenant, "models", number, "reports"), given(kind=kind))
