"""What an app flags becomes an alert of its own, told once, closed when the app says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.marketplace import App, Catalogue, Outcome, SandboxResult
from tundish_platform.marketplace.crying import cries, flagged, silenced
from tundish_platform.marketplace.runner import Runner
from tundish_platform.sdk import AppInputs, AppOutputs, OutputValue
from tundish_platform.sdk.transport import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.samples import AlertReport, SignalInfo


@dataclass
class Desk:
    """Keeps alerts as the platform does: the newest report of an opening counts."""

    away: bool = False
    told: list[AlertReport] = field(default_factory=list)
    asked: int = 0

    def alerts(self, _tenant: str, *, open_only: bool, model: str) -> list[dict[str, Any]]:
        assert open_only
        self.asked += 1
        newest = {(one.line, one.target): one.model_dump() for one in self.told if one.model == model}
        return [row for row in newest.values() if row["closed_at"] is None]

    def raise_alert(self, _tenant: str, report: AlertReport) -> None:
        if self.away:
            raise ApiError(503, "busy", "busy")
        self.told.append(report)


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    plain = make_app("return said(inputs, 'x')")
    outputs = tuple(
        output.model_copy(update={"flags": "above:0.5" if output.key == "number" else "is:bad"})
        for output in plain.manifest.outputs
    )
    return App(plain.manifest.model_copy(update={"outputs": outputs}), plain.folder)


def said(inputs: AppInputs, **values: float | str | None) -> AppOutputs:
    return AppOutputs(
        values=tuple(OutputValue(output=key, ts=inputs.end, value=value) for key, value in values.items())
    )


def test_an_alert_opens_stands_and_closes_with_what_the_app_says(
    app: App, pressure: SignalInfo, moment: datetime
) -> None:
    desk = Desk()
    runner = Runner(desk, Catalogue())  # type: ignore[arg-type] # only alerts are asked of it

    def run(minute: int, **values: float | str | None) -> None:
        end = moment + timedelta(minutes=minute)
        inputs = AppInputs(app.manifest, end - timedelta(minutes=10), end, (pressure,))
        runner._cry("plant", app, inputs, said(inputs, **values))

    run(0, number=0.4, words="good")
    run(1, number=0.4, words="good")
    assert (desk.told, desk.asked) == ([], 1), "a quiet app costs no requests"
    run(2, number=0.75, words="good")
    (opened,) = desk.told
    assert (opened.model, opened.version, opened.line) == ("app.probe", "0.1.0", "S/A/L1")
    assert (opened.target, opened.label_en, opened.value, opened.sureness) == ("number", "0.75", 0.75, "rule")
    run(3, number=None, words="bad")
    assert [one.target for one in desk.told[1:]] == ["words"], "what it cannot tell ends nothing"
    run(4, number=0.1, words="good")
    over = {one.target: one for one in desk.told[2:]}
    assert set(over) == {"number", "words"}
    assert over["number"].opened_at == opened.opened_at
    assert over["number"].closed_at == moment + timedelta(minutes=4)
    asked = desk.asked
    run(5, number=0.1, words="good")
    assert (len(desk.told), desk.asked) == (4, asked)


def test_a_platform_that_is_away_loses_no_run_and_is_told_by_the_next(
    app: App, pressure: SignalInfo, moment: datetime
) -> None:
    desk = Desk(away=True)
    runner = Runner(desk, Catalogue())  # type: ignore[arg-type] # only alerts are asked of it
    inputs = AppInputs(app.manifest, moment - timedelta(minutes=10), moment, (pressure,))
    runner._cry("plant", app, inputs, said(inputs, number=1.0))
    assert desk.told == []
    desk.away = False
    runner._cry("plant", app, inputs, said(inputs, number=1.0))
    assert [one.target for one in desk.told] == ["number"]


def test_an_alert_of_a_line_that_the_app_reads_no_more_is_closed(
    app: App, pressure: SignalInfo, moment: datetime
) -> None:
    inputs = AppInputs(app.manifest, moment - timedelta(minutes=10), moment, (pressure,))
    outputs = said(inputs, number=1.0)
    (here,) = cries(app, inputs, flagged(app, outputs, moment))
    there = here.model_copy(update={"line": "S/A/L9", "opened_at": moment - timedelta(hours=1),
                                    "since": moment - timedelta(hours=2)})  # fmt: skip
    (over,) = silenced(app, outputs, [there.model_dump(), here.model_dump()], [here], moment)
    assert (over.line, over.closed_at) == ("S/A/L9", moment)


def test_a_run_that_failed_says_nothing(app: App, moment: datetime) -> None:
    result = SandboxResult(Outcome.FAILED, None, 1.0, "process", filtered=False)
    assert flagged(app, result.outputs, moment) == {}
