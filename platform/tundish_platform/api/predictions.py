"""Predictions, read back from the evidence that models write beside their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import structlog
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tundish_platform.api.queries import LatestValue, latest_values, line_of, signals
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

_log = structlog.get_logger(__name__)

_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    # A newer model may say more than this reader knows; what it says must still be read.
    model_config = ConfigDict(frozen=True, extra="ignore")


class EvidenceItem(_Part):
    """One signal that moved the prediction: what it was, and what it is when all is well."""

    signal: str
    name_zh: str = ""
    name_en: str = ""
    value: _Number | str | None = None
    expected: _Number | str | None = None
    unit: str = ""
    contribution: _Number | None = None


class Evidence(_Part):
    """What a model wrote.

    Attributes:
        target: what was predicted; ``label_…``: the predicted class in words.
        low, high: interval around the value, where the model gives one.
        probability: of the predicted class, 0 to 1.
        window_start, window_end: source time the prediction rests on.
        completeness: share of that window's expected samples that had come.
        check_zh, check_en: what a person should look at.
        trained_from, trained_to, cases: what the model had learned from.
    """

    model: str
    target: str
    version: Annotated[str, BeforeValidator(str)] = ""
    label_zh: str = ""
    label_en: str = ""
    value: _Number | str | None = None
    unit: str = ""
    low: _Number | None = None
    high: _Number | None = None
    probability: _Number | None = None
    window_start: AwareDatetime | None = None
    window_end: AwareDatetime | None = None
    completeness: _Number | None = None
    evidence: tuple[EvidenceItem, ...] = ()
    check_zh: str = ""
    check_en: str = ""
    trained_from: AwareDatetime | None = None
    trained_to: AwareDatetime | None = None
    cases: int | None = None


class Prediction(Evidence):
    """Evidence with where and when it stands in the store.

    Attributes:
        path: of the target, without the last level; its values are at ``<path>/Value``.
        line: path of the line.
        signal: number of the evidence signal.
        value_signal: number of the numeric signal beside it, where there is one.
        ts: source time of the prediction.
        arrival: when it was written.
    """

    path: str
    line: str
    signal: int
    value_signal: int | None
    ts: AwareDatetime
    arrival: AwareDatetime


def predictions(context: PlatformContext, scope: TenantScope) -> list[Prediction]:
    """The newest readable prediction of each model and target, by path."""
    known = signals(context, scope)
    return _read_all(context, scope, known, [signal.id for signal in known if _is_evidence(signal)])


def predictions_page(
    context: PlatformContext, scope: TenantScope, after: int, limit: int
) -> list[Prediction]:
    """At most so many of them, by the numbers of their signals, behind the number ``after``."""
    known = signals(context, scope)
    wanted = sorted(signal.id for signal in known if _is_evidence(signal) and signal.id > after)
    found: list[Prediction] = []
    for start in range(0, len(wanted), limit):
        # What cannot be read is passed over, so that a page is short on the last one only.
        found += _read_all(context, scope, known, wanted[start : start + limit])
        if len(found) >= limit:
            break
    return sorted(found, key=lambda one: one.signal)[:limit]


def _read_all(
    context: PlatformContext, scope: TenantScope, known: Sequence[SignalInfo], wanted: Sequence[int]
) -> list[Prediction]:
    by_path = {signal.path: signal.id for signal in known}
    read = (_read(value, by_path) for value in latest_values(context, scope, wanted))
    return [prediction for prediction in read if prediction is not None]


def _is_evidence(signal: SignalInfo) -> bool:
    return (
        signal.kind is SampleKind.TEXT
        and signal.role is SignalRole.PREDICTION
        and signal.semantic.endswith(".evidence")
    )


def _read(value: LatestValue, by_path: dict[str, int]) -> Prediction | None:
    path = value.signal.path.rpartition("/")[0]
    try:
        evidence = Evidence.model_validate_json(str(value.value))
    except ValidationError as error:
        # Shown nowhere rather than shown wrongly; the log says which model writes what nobody can read.
        _log.warning("evidence_unreadable", path=path, error=str(error)[:300])
        return None
    return Prediction(
        **evidence.model_dump(), path=path, line=line_of(path), signal=value.signal.id,
        value_signal=by_path.get(f"{path}/Value"), ts=value.ts, arrival=value.arrival,
    )  # fmt: skip
