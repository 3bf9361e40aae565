"""What every pipeline does: find its signals, train once, score each new window once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypedDict, Unpack

from tundish_analytics.drift.reference import Reference
from tundish_analytics.models.registry import RegistryError
from tundish_analytics.predictions import Prediction
from tundish_analytics.worker.notes import Seen
from tundish_analytics.worker.output import Outputs
from tundish_analytics.worker.windows import Reader, from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tundish_analytics.checks import Meaning
    from tundish_analytics.models.registry import ModelCard, Registry
    from tundish_analytics.predictions import Evidence, Similar
    from tundish_analytics.worker.output import OutputTarget
    from tundish_analytics.worker.windows import Windows
    from tundish_platform.samples import SignalInfo

LOOKBACK: Final = timedelta(days=60)
_LINE_LEVELS: Final = 3
# Live labels trickle in while an import pours: only a pour is waited for.
_TRICKLE: Final = (20, 0.02)
_REFERENCE: Final = "training_reference"


class Said(TypedDict, total=False):
    """What a model may say of a window; see `Prediction`."""

    value: float | None
    low: float | None
    high: float | None
    probability: float | None
    evidence: tuple[Evidence, ...]
    cases: int
    similar: tuple[Similar, ...]


_UNSAID: Final[Said] = {
    "value": None,
    "low": None,
    "high": None,
    "probability": None,
    "evidence": (),
    "cases": 0,
    "similar": (),
}


class NotReady(Exception):  # noqa: N818 - a state, no failure
    """There is not yet enough history to train on.

    Attributes:
        zh, en: what is still missing.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Site:
    """Where a pipeline works: a tenant's line with its signals, and the registry of its models."""

    client: Windows
    tenant: str
    line: str
    signals: tuple[SignalInfo, ...]
    registry: Registry

    @property
    def reader(self) -> Reader:
        """Reader of the tenant."""
        return Reader(self.client, self.tenant)

    def by_semantic(self, *semantics: str) -> list[SignalInfo]:
        """The line's own signals of these kinds, by semantic and path."""
        found = [signal for signal in self.signals if signal.semantic in semantics]
        return sorted(found, key=lambda signal: (signal.semantic, signal.path))


def sites_of(client: Windows, tenant: str, registry: Registry) -> list[Site]:
    """The tenant's lines (first three levels of the paths) with their signals."""
    lines: defaultdict[str, list[SignalInfo]] = defaultdict(list)
    for signal in client.signals(tenant):
        lines["/".join(signal.path.split("/")[:_LINE_LEVELS])].append(signal)
    return [Site(client, tenant, line, tuple(found), registry) for line, found in sorted(lines.items())]


class Pipeline(ABC):
    """One model on one line. `restore` or `train` comes before `score`."""

    model_id: ClassVar[str]
    targets: ClassVar[tuple[OutputTarget, ...]]

    def __init__(self, site: Site) -> None:
        self.site = site
        self.outputs = Outputs(site.reader, site.line, self.model_id, self.targets)
        self._card: ModelCard | None = None
        self._position: int | None = None
        self._begun_us = 0
        self.reference: Reference | None = None
        self._seen_cases: int | None = None
        self._check_import = True

    @classmethod
    @abstractmethod
    def bind(cls, site: Site) -> Self | None:
        """The pipeline for a line, or ``None`` where the line lacks a required signal."""

    @abstractmethod
    def train(self, begun: Callable[[], None]) -> ModelCard:
        """Train on the line's history, store the model, and be ready to score what comes after it.

        Args:
            begun: called once the history is there and fitting begins.

        Raises:
            NotReady: too little history yet.
        """

    @abstractmethod
    def _load(self, state: dict[str, Any]) -> None:
        """Take up a stored model."""

    @abstractmethod
    def _score(self) -> int:
        """Score what is new; returns the number of predictions written."""

    @property
    def card(self) -> ModelCard:
        """Card of the model in use.

        Raises:
            LookupError: neither restored nor trained.
        """
        if self._card is None:
            raise LookupError(f"{self.model_id} on {self.site.line} has no model yet; train it first")
        return self._card

    def expected_hits(self) -> dict[str, float]:
        """Share of right answers that held-out training cases promise, by judged target where it is known."""
        return {}

    def restore(self, version: str | None = None) -> bool:
        """Take up a stored version, the current one if none is named, and go on where the store ends.

        Raises:
            RegistryError: the stored model is damaged or not ours.
        """
        if not self.load(version):
            return False
        self._resume()
        return True

    def load(self, version: str | None = None) -> bool:
        """Take up a stored version without what was predicted before; see `restore`."""
        loaded = self.site.registry.load(self.site.tenant, self.site.line, self.model_id, version)
        if loaded is None:
            return False
        self._card, state = loaded
        known = state.pop(_REFERENCE, None)
        self.reference = None if known is None else Reference.from_state(known)
        self._load(state)
        return True

    def begin(self, start_us: int) -> None:
        """Score and judge only what comes after this source time."""
        self._position = self._begun_us = start_us

    def _resume(self) -> None:
        """Take up what was predicted before a restart, from the store."""
        self._position = None

    def _saw(self, ts: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Note the inputs of windows that end at `ts`, columns as the card's features."""
        if self.outputs.notes is not None:
            self.outputs.notes.saw(Seen(ts, values, self.card.features))

    def score(self) -> int:
        """Score every complete window that has none yet; returns how many predictions were written."""
        return self._score() if self.card else 0

    def _start_us(self) -> int:
        """Source time up to which everything is scored."""
        if self._position is None:
            trained_to = self._trained_to_us()
            self._position = max(self.outputs.position_us() or trained_to, trained_to)
        return self._position

    def _trained_to_us(self) -> int:
        return to_us(datetime.fromisoformat(self.card.trained_to))

    def _statement(
        self,
        target: str,
        meaning: Meaning,
        window_us: tuple[int, int],
        completeness: float,
        **said: Unpack[Said],
    ) -> Prediction:
        """A prediction of this pipeline's model; what is not `said` is unknown."""
        card = self.card
        return Prediction(
            model=self.model_id,
            version=card.version,
            target=target,
            label_zh=meaning.zh,
            label_en=meaning.en,
            unit=next(item.unit for item in self.targets if item.name == target),
            window_start=from_us(window_us[0]),
            window_end=from_us(window_us[1]),
            completeness=completeness,
            check_zh=meaning.check_zh,
            check_en=meaning.check_en,
            trained_from=datetime.fromisoformat(card.trained_from),
            trained_to=datetime.fromisoformat(card.trained_to),
            **(_UNSAID | said),
        )

    def _keep(
        self, card: ModelCard, state: dict[str, Any], seen: NDArray[np.float64] | None = None
    ) -> ModelCard:
        """Store a trained version; the line's first becomes the current one, one on trial is not stored.

        Args:
            card: of the version.
            state: of the model.
            seen: the training windows' inputs in the order of time, columns as the card's features; what
                comes later is compared with them.
        """
        if self.outputs.unwritten:
            self._card = card
            return card
        registry, place = self.site.registry, (self.site.tenant, card.line, card.model)
        try:
            first = registry.current(*place) is None
        except RegistryError:
            first = True
        self.reference = None if seen is None else Reference.learn(seen, card.features)
        if self.reference is not None:
            state = state | {_REFERENCE: self.reference.state()}
        self._card = registry.store(self.site.tenant, card, state, current=first)
        return self._card

    def adopt(self, other: Pipeline) -> None:
        """Take over what another pipeline of the same model has seen of the import so far."""
        self._seen_cases = other._seen_cases

    def skip_import_check(self) -> None:
        """Train on what there is, without waiting whether more is pouring in."""
        self._check_import = False

    def _await_import(self, cases: int, needed: int, zh: str, en: str) -> None:
        """Raise `NotReady` until there are enough cases and they have stopped pouring in."""
        before, self._seen_cases = self._seen_cases, cases
        if cases < needed:
            raise NotReady(f"{zh}:已有 {cases},需要 {needed}。", f"{en}: {cases} so far, {needed} needed.")
        if not self._check_import:
            return
        if before is None or cases - before > _TRICKLE[0] + _TRICKLE[1] * cases:
            raise NotReady(f"历史数据仍在导入:{cases}。", f"History is still coming in: {cases} cases.")


def lookback_us() -> int:
    """Where history begins: so many microseconds since 1970."""
    return to_us(datetime.now(UTC) - LOOKBACK)


def span(start_us: int, end_us: int) -> dict[str, str]:
    """A card's training period."""
    return {"trained_from": from_us(start_us).isoformat(), "trained_to": from_us(end_us).isoformat()}


def paths(signals: Sequence[SignalInfo]) -> tuple[str, ...]:
    """Paths for a card."""
    return tuple(signal.path for signal in signals)
