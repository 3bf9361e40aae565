"""What people decide runs, shadows run beside it, drift is told, retraining is proposed and never begun."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

from tundish_analytics import checks
from tundish_analytics.models.registry import ModelCard, Registry
from tundish_analytics.worker import NotReady, Pipeline, Worker, loop, roles, train
from tundish_analytics.worker.hits import LiveHits
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import lookback_us, paths, span
from tundish_platform.samples import SignalRole, SignalSpec
from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_analytics.worker import Progress
    from tundish_analytics.worker.pipeline import Site

TENANT, LINE = "plant", "Z/Cutting/SAW1"
LENGTH, TRUTH = f"{LINE}/Saw/Result/Length", f"{LINE}/Saw/Inspection/TooLong"
OUTPUT = f"{LINE}/Models/too-long/too_long"
START = int(time.time()) - 3 * 86_400
EVERY_S = 60
HISTORY = 400


class LengthPipeline(Pipeline):
    """Says of each piece whether it is too long, by the limit that parted the inspected ones best."""

    model_id = "too-long"
    targets = (OutputTarget("too_long", "过长", "Too long", "", judged=True),)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (self._length,), (self._truth,) = site.by_semantic("length"), site.by_semantic("label.too_long")
        self._limit = 0.0
        self._hits = LiveHits(self.outputs)
        self._answers: dict[int, float] = {}

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        return cls(site) if site.by_semantic("length") and site.by_semantic("label.too_long") else None

    def train(self, begun: Callable[[], None]) -> ModelCard:
        read = self.site.reader.read
        (ts, length), (judged, truth) = (
            read([number], lookback_us()).of(number) for number in (self._length.id, self._truth.id)
        )
        if len(judged) < HISTORY:
            raise NotReady("检验不足", "Too few inspected pieces.")
        begun()
        length = length[np.searchsorted(ts, judged)]
        # Of the newest pieces, because the saw may have been set anew.
        recent = slice(-HISTORY, None)
        self._limit = float(np.mean([length[recent][truth[recent] == side].mean() for side in (0.0, 1.0)]))
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=len(judged), features=paths([self._length]),
            protocol_zh="同批", protocol_en="same", metrics={"accuracy": 0.95, "unknown": float("nan")},
            limits_zh="无", limits_en="none", **span(int(judged[0]), int(judged[-1])),
        )  # fmt: skip
        return self._keep(card, {"limit": self._limit}, length[:, None])

    def expected_hits(self) -> dict[str, float]:
        return {"too_long": self.card.metrics["accuracy"]}

    def _load(self, state: dict[str, Any]) -> None:
        self._limit = state["limit"]

    def _resume(self) -> None:
        super()._resume()
        self._hits.restore(self.site.reader)

    def _score(self) -> int:
        start = self._start_us()
        ts, length = self.site.reader.read([self._length.id], start + 1).of(self._length.id)
        if len(ts):
            self._saw(ts, length[:, None])
            answers = (length > self._limit).astype(float)
            self._answers |= dict(zip(ts.tolist(), answers.tolist(), strict=True))
            self.outputs.write(
                [
                    self._statement(
                        "too_long", checks.UNSURE, (at, at), 1.0, value=value, probability=0.95, cases=10
                    )
                    for at, value in zip(ts.tolist(), answers.tolist(), strict=True)
                ]
            )
            self._position = int(ts[-1])
        since = self._hits.position_us("too_long") or max(self._trained_to_us(), self._begun_us)
        judged, truth = self.site.reader.read([self._truth.id], since + 1).of(self._truth.id)
        known = [(at, said) for at, said in zip(judged.tolist(), truth.tolist(), strict=True)]
        self._hits.judge(
            "too_long", [(at, self._answers.pop(at) == said) for at, said in known if at in self._answers]
        )
        return len(ts)


class Book:
    """The model registry's answers as the platform gives them; a line's first version is its champion."""

    def __init__(self) -> None:
        self.versions: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.roles: dict[tuple[str, str], dict[str, Any]] = {}
        self.away = False

    def answer(self) -> None:
        if self.away:
            raise ApiError(0, "unreachable", "nobody there", "没有响应")

    def register_model(
        self, tenant: str, line: str, model: str, version: str, digest: str, card: dict[str, Any]
    ) -> dict[str, Any]:  # fmt: skip
        self.answer()
        json.dumps(card, allow_nan=False)
        row = {"line": line, "model": model, "version": version, "digest": digest, "tenant": tenant}
        if row not in self.versions:
            self.versions.append(row)
            self.roles.setdefault((line, model), {"champion": version, "shadow": []})
        return {"id": self.versions.index(row) + 1}

    def model_roles(self, _tenant: str, **_asked: str) -> list[dict[str, Any]]:
        self.answer()
        return [{"line": line, "model": model, **row} for (line, model), row in self.roles.items()]

    def report_model(
        self, _tenant: str, number: int, kind: str, level: str, moment: datetime, evidence: dict[str, Any]
    ) -> dict[str, Any]:  # fmt: skip
        self.answer()
        assert len(json.dumps(evidence, allow_nan=False)) < 65_536
        assert evidence["summary_zh"]
        assert evidence["summary_en"]
        version = self.versions[number - 1]["version"]
        self.reports.append(
            {"version": version, "kind": kind, "level": level, "moment": moment, "evidence": evidence}
        )
        return {"id": len(self.reports)}

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [report for report in self.reports if report["kind"] == kind]


class Plant:
    """A saw on a platform in memory, its pieces, and a worker."""

    def __init__(self, platform: Any, root: Path) -> None:  # noqa: ANN401 - the platform in memory
        self.platform, self.book, self.registry = platform, Book(), Registry(root)
        for name in ("register_model", "model_roles", "report_model"):
            setattr(platform, name, getattr(self.book, name))
        platform.put_signals(
            TENANT,
            "gateway",
            [
                SignalSpec(path=LENGTH, name_zh="长", name_en="length", semantic="length"),
                SignalSpec(
                    path=TRUTH,
                    name_zh="判",
                    name_en="truth",
                    semantic="label.too_long",
                    role=SignalRole.LABEL,
                ),
            ],
        )
        self.pieces = 0
        self.told: list[Progress] = []
        self.worker = self.restarted()

    def restarted(self) -> Worker:
        self.worker = Worker(self.platform, [TENANT], self.registry, self.told.append)
        return self.worker

    def play(self, count: int, *, offset: float = 0.0, limit: float = 10.0, inspected: bool = True) -> None:
        """Saw pieces; too long is what exceeds the limit, but the inspector errs once in twenty."""
        generator = np.random.default_rng(self.pieces)
        ts = START + EVERY_S * (self.pieces + np.arange(count))
        length = generator.normal(10.0 + offset, 1.0, count)
        truth = (length > limit) ^ (generator.random(count) < 0.05)
        self.platform.put(TENANT, LENGTH, ts, length.tolist())
        if inspected:
            self.platform.put(TENANT, TRUTH, ts, truth.astype(float).tolist())
        self.pieces += count

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.worker.tick()

    def versions(self) -> set[str]:
        """Of the versions that speak for the line."""
        return {json.loads(text)["version"] for text in self.platform.stored(TENANT, f"{OUTPUT}/Evidence")}

    def decide(self, **row: Any) -> None:  # noqa: ANN401 - champion and shadow
        self.book.roles[LINE, "too-long"] |= row

    def candidate(self) -> str:
        """Train another version by hand."""
        (card,) = train(self.platform, TENANT, LINE, self.registry, self.told.append)
        return card.version


@pytest.fixture
def plant(memory_platform: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:  # noqa: ANN401
    """With a first version trained, and the platform's word read again at each turn."""
    monkeypatch.setattr(loop, "PIPELINES", (LengthPipeline,))
    monkeypatch.setattr(loop, "_TRAIN_RETRY_S", 0.0)
    monkeypatch.setattr(roles, "REREAD_S", 0.0)
    made = Plant(memory_platform, tmp_path / "models")
    made.play(HISTORY)
    made.tick()
    return made


def test_the_first_version_is_registered_with_its_card_and_digest_and_runs(plant: Plant) -> None:
    (registered,) = plant.book.versions
    version = registered["version"]
    card = plant.registry.card(TENANT, LINE, "too-long", version)
    assert registered["digest"] == card.sha256
    assert asdict(card)["features"] == (LENGTH,)
    plant.play(10)
    plant.tick()
    assert plant.versions() == {version}


def test_promotion_and_roll_back_take_effect_without_a_restart(plant: Plant) -> None:
    first = plant.book.versions[0]["version"]
    plant.play(HISTORY)
    second = plant.candidate()
    assert [row["version"] for row in plant.book.versions] == [first, second]
    seen = []
    for champion in (first, second, first):
        plant.decide(champion=champion)
        plant.play(5)
        plant.tick()
        text = json.loads(plant.platform.stored(TENANT, f"{OUTPUT}/Evidence")[-1])
        seen.append(text["version"])
        assert plant.registry.current(TENANT, LINE, "too-long") == champion
    assert seen == [first, second, first]
    ends = [json.loads(text)["window_end"] for text in plant.platform.stored(TENANT, f"{OUTPUT}/Evidence")]
    assert len(ends) == len(set(ends))


def test_while_the_platform_says_nothing_the_worker_goes_on_with_what_it_has(plant: Plant) -> None:
    first = plant.book.versions[0]["version"]
    plant.candidate()
    plant.book.away = True
    for worker in (plant.worker, plant.restarted()):
        plant.play(3)
        worker.tick()
    assert plant.versions() == {first}
    assert len(plant.platform.stored(TENANT, f"{OUTPUT}/Evidence")) == 6


def test_a_champion_that_is_not_ours_is_refused_and_the_line_goes_on(plant: Plant) -> None:
    first = plant.book.versions[0]["version"]
    second = plant.candidate()
    folder = plant.registry.place(TENANT, LINE, "too-long").folder / second
    (folder / "signature.json").unlink()
    plant.decide(champion=second)
    plant.play(3)
    plant.tick(2)
    assert plant.versions() == {first}
    # At a start there is nothing that people have chosen and that may run.
    plant.restarted()
    plant.told.clear()
    plant.tick()
    assert [(told.stage, "is unsigned" in told.en) for told in plant.told] == [("failed", True)]


def test_a_retired_model_says_nothing_more(plant: Plant) -> None:
    plant.decide(champion=None)
    plant.play(3)
    plant.tick()
    assert plant.versions() == set()
    assert "No version is champion" in plant.told[-1].en
    plant.decide(champion=plant.book.versions[0]["version"])
    plant.tick()
    assert len(plant.versions()) == 1


def worse(plant: Plant) -> str:
    """A candidate whose limit is far off, and which a person has put in shadow."""
    (card, state) = plant.registry.load(TENANT, LINE, "too-long") or pytest.fail("no model")
    made = ModelCard(**{**asdict(card), "features": card.features, "version": "worse", "sha256": ""})
    stored = plant.registry.store(TENANT, made, state | {"limit": 12.0}, current=False)
    plant.book.register_model(TENANT, LINE, "too-long", "worse", stored.sha256, {})
    plant.decide(shadow=["worse"])
    return "worse"


def test_a_shadow_is_compared_on_the_same_windows_and_writes_nothing(plant: Plant) -> None:
    shadow = worse(plant)
    plant.play(200)
    plant.tick(2)
    # What it said would stand there a second time.
    assert len(plant.platform.ingested) == len(set(plant.platform.ingested))
    assert shadow not in plant.versions()
    assert not [signal.path for signal in plant.platform.signals(TENANT) if "shadow" in signal.path]
    (report,) = plant.book.of("comparison")
    assert (report["version"], report["level"]) == (shadow, "ok")
    found = report["evidence"]["targets"]["too_long"]
    assert (found["windows"], found["judged"]) == (200, 200)
    assert found["verdict"] == "champion better"
    assert found["champion_hit_rate"] == pytest.approx(
        plant.platform.stored(TENANT, f"{OUTPUT}/HitRate")[-1], abs=1e-5
    )
    # The other way round the shadow is worth a look.
    champion = plant.book.versions[0]["version"]
    plant.decide(champion=shadow, shadow=[champion])
    plant.tick(2)
    newest = plant.book.of("comparison")[-1]
    assert (newest["version"], newest["level"]) == (champion, "watch")
    assert newest["evidence"]["verdict"] == "challenger better"


def test_a_restart_compares_the_same_windows_again_and_an_hour_passes_between_reports(plant: Plant) -> None:
    worse(plant)
    plant.play(200)
    plant.tick(2)
    before = plant.book.of("comparison")[-1]
    plant.play(30)
    plant.tick(2)
    assert plant.book.of("comparison")[-1] is before
    plant.play(31)
    plant.tick(2)
    later = plant.book.of("comparison")[-1]
    assert (later["moment"] - before["moment"]).total_seconds() >= 3600
    plant.restarted()
    plant.tick(2)
    assert plant.book.of("comparison")[-1]["evidence"] == later["evidence"]


def test_a_shadow_that_cannot_run_does_not_stop_the_line(plant: Plant) -> None:
    plant.decide(shadow=["nowhere"])
    plant.play(5)
    plant.tick(2)
    assert len(plant.platform.stored(TENANT, f"{OUTPUT}/Evidence")) == 5
    assert plant.book.of("comparison") == []
    assert not [told for told in plant.told if told.stage == "failed"]


def test_unchanged_data_is_reported_as_such_once_an_hour_of_data(plant: Plant) -> None:
    for _ in range(10):
        plant.play(30)
        plant.tick()
    reports = plant.book.of("drift")
    assert {report["level"] for report in reports} == {"ok"}
    moments = [report["moment"].timestamp() for report in reports]
    assert min(np.diff(moments)) >= 3600
    assert 3 <= len(moments) <= 5
    assert reports[-1]["evidence"]["inputs"]["watched"]
    assert plant.book.of("proposal") == []


def test_drift_leads_to_a_proposal_with_evidence_and_to_nothing_else(plant: Plant) -> None:
    """The saw is set two units longer, and so is the limit: the model is wrong about what it sees now."""
    begun = START + EVERY_S * plant.pieces
    for count in (25, *6 * [60]):
        plant.play(count, offset=2.0, limit=12.0)
        plant.tick()
    levels = [report["level"] for report in plant.book.of("drift")]
    assert levels[0] == "watch"
    assert "act" in levels
    (proposal,) = plant.book.of("proposal")
    offered = proposal["evidence"]
    assert offered["drift"]["inputs"]["features"][0]["feature"] == LENGTH
    since = datetime.fromisoformat(offered["drift"]["since"]).timestamp()
    assert begun <= since <= begun + EVERY_S * 60
    assert len(plant.book.versions) == 1
    assert plant.registry.versions(TENANT, LINE, "too-long") == [plant.book.versions[0]["version"]]
    # A day of data later the trial training has labels enough to say what it would gain.
    plant.play(1440, offset=2.0, limit=12.0)
    plant.tick(2)
    tried = plant.book.of("proposal")[-1]["evidence"]["evaluation"]
    assert tried["targets"]["too_long"]["verdict"] == "challenger better"
    assert tried["targets"]["too_long"]["gain_95"][0] > 0.2
    assert plant.registry.versions(TENANT, LINE, "too-long") == [plant.book.versions[0]["version"]]
    split = datetime.fromisoformat(tried["split"]).timestamp()
    assert split < START + EVERY_S * plant.pieces
    # People let it be trained, look, and promote it: the drift is that of the new version then.
    second = plant.candidate()
    plant.decide(champion=second)
    plant.play(120, offset=2.0, limit=12.0)
    plant.tick(2)
    assert plant.book.of("drift")[-1]["version"] == second


def test_a_refused_token_is_no_passing_matter(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ApiError(401, "unauthorised", "no such token")

    monkeypatch.setattr(plant.book, "answer", refuse)
    with pytest.raises(ApiError, match="401"):
        plant.tick()


def test_what_the_platform_refuses_is_not_asked_again_at_each_turn(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(*_: object) -> None:
        asked.append(1)
        raise ApiError(422, "invalid", "no such words")

    monkeypatch.setattr(plant.platform, "report_model", refuse)
    plant.play(300)
    plant.tick(4)
    assert len(asked) == 1
