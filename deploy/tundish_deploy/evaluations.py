"""Evaluations on the shipped recordings and sets, in the one shape that every measuring command prints."""

from __future__ import annotations

import json
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pandas as pd

from tundish_analytics import evaluate, tables
from tundish_analytics.evaluate import Unfit
from tundish_analytics.evaluate.files import digest, note, opened
from tundish_deploy.figures import Figure, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tundish_analytics.evaluate import Evaluation
    from tundish_platform.sdk.calls.alert_answers import Outcomes

_BETTER: dict[str, Literal["higher", "lower", "none"]] = {"more": "higher", "less": "lower", "none": "none"}


def _shipped(name: str) -> Path:
    """A recording that is also played, or a set for evaluation alone."""
    sets = Path(str(files("tundish_analytics.evaluate") / "sets" / name))
    return sets if sets.exists() else Path(str(files("tundish_connectors.replay") / "recordings" / name))


def _shipped_cycles() -> tables.HydraulicData:
    sensors, profile = (_shipped(f"{name}.parquet") for name in ("hydraulic", "hydraulic_profile"))
    return tables.HydraulicData.from_tables(pd.read_parquet(note(sensors)), pd.read_parquet(note(profile)))


def _hydraulic(data: Path | None) -> Evaluation:
    shipped = _shipped_cycles()
    if data is None:
        return evaluate.evaluate_hydraulic(shipped)
    given = evaluate.read_hydraulic(data)
    apart = shipped.without(given)
    # A file that repeats most of what is shipped leaves nothing to learn from: it is judged by itself.
    if 2 * len(apart.labels) < len(shipped.labels):
        return evaluate.evaluate_hydraulic(given)
    return evaluate.evaluate_hydraulic(apart, given)


def _igbt(data: Path | None) -> Evaluation:
    shipped = evaluate.read_seconds(_shipped("igbt.parquet"))
    if data is None:
        return evaluate.evaluate_igbt(shipped)
    return evaluate.evaluate_igbt(evaluate.read_seconds(data), shipped=shipped)


def _mosfet(data: Path | None) -> Evaluation:
    shipped = evaluate.read_devices(_shipped("mosfet.parquet"))
    return evaluate.evaluate_mosfet(shipped, None if data is None else evaluate.read_devices(data))


def _cmapss(data: Path | None) -> Evaluation:
    shipped = evaluate.read_fleets(_shipped("train_FD001.parquet"))
    return evaluate.evaluate_cmapss(shipped if data is None else evaluate.read_fleets(data), shipped[0])


def _bearings(data: Path | None) -> Evaluation:
    shipped = evaluate.read_bearings(_shipped("bearings.parquet"))
    return evaluate.evaluate_bearings(shipped, None if data is None else evaluate.read_bearings(data))


def _turbine(data: Path | None) -> Evaluation:
    shipped = evaluate.read_turbine(_shipped("gas_turbine.parquet"))
    return evaluate.evaluate_turbine(shipped, None if data is None else evaluate.read_turbine(data))


def _steel(data: Path | None) -> Evaluation:
    shipped = evaluate.read_plates(_shipped("steel_plates.parquet"))
    return evaluate.evaluate_steel(*shipped, None if data is None else evaluate.read_plates(data))


def _plates(data: Path | None) -> Evaluation:
    return evaluate.evaluate_plates(*evaluate.read_plates(data or _shipped("steel_plates.parquet")))


def _energy(data: Path | None) -> Evaluation:
    return evaluate.evaluate_energy(evaluate.read_energy(data or _shipped("steel_industry_energy.parquet")))


def _ai4i(data: Path | None) -> Evaluation:
    return evaluate.evaluate_ai4i(evaluate.read_ai4i(_given("ai4i", data)))


def _skab(data: Path | None) -> Evaluation:
    return evaluate.evaluate_skab(evaluate.read_skab(_given("skab", data)))


def _tep(data: Path | None) -> Evaluation:
    return evaluate.evaluate_tep(evaluate.read_tep(_given("tep", data)))


def _given(name: str, data: Path | None) -> Path:
    if data is None:
        raise Unfit(
            f"{name} 未随本产品分发(原因见 docs/evaluations):请用 --data 指定文件或文件夹",
            f"the {name} set is not shipped (docs/evaluations says why): give its file or folder with --data",
        )
    return data


def _watch_hydraulic(data: Path | None) -> Evaluation:
    return evaluate.evaluate_watch_hydraulic(
        _shipped_cycles() if data is None else evaluate.read_hydraulic(data)
    )


def _watch_skab(data: Path | None) -> Evaluation:
    return evaluate.evaluate_watch_skab(evaluate.read_skab(_given("watch-skab", data)))


def _watch_tep(data: Path | None) -> Evaluation:
    return evaluate.evaluate_watch_tep(evaluate.read_tep(_given("watch-tep", data)))


def _alerts(data: Path | None) -> Evaluation:
    if data is not None:
        raise Unfit("预警评估只用随附的记录", "the alerts are judged on the shipped recordings only")
    seconds = evaluate.read_seconds(_shipped("igbt.parquet"))
    devices = evaluate.read_devices(_shipped("mosfet.parquet"))
    return evaluate.evaluate_alerts(_shipped_cycles(), seconds, devices)


NOT_SHIPPED: Final = frozenset({"ai4i", "skab", "tep", "watch-skab", "watch-tep"})
EVALUATIONS: Final[dict[str, Callable[[Path | None], Evaluation]]] = {
    "hydraulic": _hydraulic,
    "igbt": _igbt,
    "mosfet": _mosfet,
    "steel-plates": _plates,
    "steel-energy": _energy,
    "cmapss": _cmapss,
    "skab": _skab,
    "tep": _tep,
    "bearings": _bearings,
    "ai4i": _ai4i,
    "gas-turbine": _turbine,
    "steel": _steel,
    "watch-hydraulic": _watch_hydraulic,
    "watch-skab": _watch_skab,
    "watch-tep": _watch_tep,
    "alerts": _alerts,
}


def report(name: str, data: Path | None = None) -> Report:
    """One evaluation, with what was read and how it was measured.

    Args:
        name: of `EVALUATIONS`.
        data: file or folder with the set's columns; without it the shipped set.

    Raises:
        ValueError: a set that is not shipped without a file, or data that cannot be judged.
    """
    started = time.perf_counter()
    with opened() as paths:
        found = EVALUATIONS[name](data)
    given = "shipped" if data is None else data.name
    read = {"given": given, "files": len(set(paths)), "sha256": digest(sorted(set(paths)))}
    peers = {figure.name: figure.peers for figure in found.figures if figure.peers}
    conditions = {
        "model": found.model,
        "seconds": round(time.perf_counter() - started, 1),
        **found.facts,
        **found.software,
        "reported by others": peers,
    }
    how = {"protocol": found.protocol, "guard": found.guard, "intervals": found.intervals, "data": read}
    return Report(f"evaluate {name}", conditions, _figures(found), how)


def field_report(outcomes: Outcomes) -> Report:
    """What people said of a plant's alerts, by version of the model."""
    found = evaluate.evaluate_field(outcomes)
    how = {"protocol": found.protocol, "guard": found.guard, "intervals": found.intervals}
    return Report("evaluate alerts", dict(found.facts), _figures(found), how)


def given_paths(given: Sequence[str]) -> dict[str, Path]:
    """Where the data of each evaluation lies: ``NAME=PATH``, or a folder with files or folders of that name.

    Raises:
        Unfit: an evaluation of that name, or the path, does not exist.
    """
    found: dict[str, Path] = {}
    for entry in given:
        name, told, path = entry.partition("=")
        if told and name in EVALUATIONS and Path(path).exists():
            found[name] = Path(path)
        elif not told and Path(entry).is_dir():
            found |= {file.stem: file for file in sorted(Path(entry).iterdir()) if file.stem in EVALUATIONS}
        else:
            raise Unfit(
                f"{entry} 既不是 NAME=PATH,也不是文件夹",
                f"{entry} is neither NAME=PATH of an evaluation nor a folder",
            )
    return found


def run_all(
    out: Path, given: Mapping[str, Path], only: Sequence[str] | None, told: Callable[[str], None]
) -> list[str]:
    """Run the evaluations one after the other into ``NAME.json``; returns those that could not be judged.

    A set that is neither shipped nor given is not run, and its file stays as it was.
    """
    out.mkdir(parents=True, exist_ok=True)
    bad = []
    for name in only or EVALUATIONS:
        if name in NOT_SHIPPED and name not in given:
            told(f"{name}: not run, needs --data {name}=PATH")
            continue
        try:
            document = report(name, given.get(name)).as_dict()
        except ValueError as error:
            bad.append(name)
            told(f"{name}: {error}")
            continue
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        (out / f"{name}.json").write_text(text, "utf-8")
        told(f"{name}: {out / name}.json, {document['conditions']['seconds']} s")
    return bad


def _figures(found: Evaluation) -> list[Figure]:
    return [
        Figure(
            name=document["name"],
            value=document["value"],
            unit=document["unit"],
            better=_BETTER[document["better"]],
            bar=document["bar"],
            holds=document["holds"],
            low=document["low"],
            high=document["high"],
        )
        for document in (figure.document() for figure in found.figures)
    ]
