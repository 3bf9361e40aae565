"""Every app on the shelf conforms; and the suite notices apps that do not."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tundish_platform.marketplace import App, Outcome, run_sandboxed
from tundish_platform.sdk import ManifestError, read_manifest
from tundish_platform.sdk.flags import flag_of
from tundish_platform.sdk.manifest import parse_manifest
from tundish_platform.sdk.testing import check_app, example_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHELF = Path(__file__).parents[3] / "apps-marketplace"
APPS = sorted(path.parent for path in SHELF.glob("*/*/app.toml"))

_ON_TELEMETRY = (
    "anomaly_watch",
    "bearing_health",
    "energy_watch",
    "hydraulic_condition",
    "igbt_ageing",
    "oee_pareto",
    "peak_shaving",
    "spc_monitor",
)
_ON_RECORDS = (
    "maturity_check",
    "product_passport",
    "pollution_check",
    "peer_benchmark",
    "credit_report",
)
MANIFEST = """
id = "bad"
version = "1.0.0"
entry = "{package}:run"
publisher = "x"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "{zh}", en = "name" }}
description = {{ zh = "说明", en = "description" }}
data_use = {{ zh = "不用", en = "none" }}
[[inputs]]
key = "pressure"
semantic = "pressure.hydraulic"
name = {{ zh = "压力", en = "pressure" }}
[[outputs]]
key = "number"
name = {{ zh = "数", en = "number" }}
[resources]
output_bytes = 1024
"""
GOOD = """
if inputs.missing():
    return AppOutputs(missing=inputs.missing())
rows = inputs.table("pressure.hydraulic").num_rows
return AppOutputs(values=window_values({"number": float(rows)}, inputs.start))
"""
NUMBERS = count()
HEAD = "from tundish_platform.sdk import *\nimport random\n\n\ndef run(inputs):\n"


@pytest.mark.parametrize(
    ("flags", "holds", "holds_not"),
    [
        ("above:0.5", [0.6, 1], [0.5, -1.0, None, "0.6"]),
        ("at_least:0.5", [0.5], [0.4]),
        ("below:-2", [-2.1], [-2.0, 0.0]),
        ("at_most:-2", [-2.0], [-1.9, None]),
        ("is:signals|drifting", ["signals", "drifting"], ["in_control", None, 1.0, "signals|drifting"]),
    ],
)
def test_a_flag_holds_for_its_values_alone(flags: str, holds: list[object], holds_not: list[object]) -> None:
    flag = flag_of(flags)
    assert all(flag.holds(value) for value in holds)  # type: ignore[arg-type]
    assert not any(flag.holds(value) for value in holds_not)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "flags", ["above", "above:x", "above:nan", "over:1", "is:", "is:|", "is:a||b", "above:1;"]
)
def test_what_is_no_flag_is_refused(flags: str) -> None:
    with pytest.raises(ValueError, match="is none of"):
        flag_of(flags)


@pytest.mark.parametrize(
    "more", ['flags = "is:high"', 'flags = "above:0"\nkind = "text"', "lead_s = 60", 'flags = "above:x"']
)
def test_flags_that_do_not_fit_their_output_are_no_manifest(more: str) -> None:
    said = MANIFEST.format(package="tundish_app_bad", zh="名").replace(
        'key = "number"', f'key = "number"\n{more}'
    )
    with pytest.raises(ManifestError):
        parse_manifest(said.encode(), "app.toml")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    # A name of its own for each test, because Python keeps what it has imported.
    package = f"tundish_app_bad_{next(NUMBERS)}"
    before = list(sys.path)

    def write(body: str, zh: str = "名", cards: tuple[str, ...] = ("zh", "en"), output: str = "") -> Path:
        folder = tmp_path / package
        folder.mkdir()
        said = MANIFEST.format(package=package, zh=zh).replace('key = "number"', f'key = "number"\n{output}')
        (folder / "app.toml").write_text(said, encoding="utf-8")
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        (folder / "__init__.py").write_text(HEAD + lines + "\n", encoding="utf-8")
        for language in cards:
            (folder / f"card_{language}.md").write_text("卡", encoding="utf-8")
        return folder

    yield write
    sys.path[:] = before
    sys.modules.pop(package, None)


def test_there_are_apps_on_the_shelf() -> None:
    assert {folder.name.removeprefix("tundish_app_") for folder in APPS} == {*_ON_TELEMETRY, *_ON_RECORDS}


@pytest.mark.parametrize("folder", APPS, ids=lambda folder: folder.name)
def test_app_on_the_shelf_conforms(folder: Path) -> None:
    assert check_app(folder) == []


@pytest.mark.integration
@pytest.mark.parametrize("folder", APPS, ids=lambda folder: folder.name)
def test_app_on_the_shelf_runs_in_the_sandbox_within_its_limits(folder: Path) -> None:
    app = App(read_manifest(folder / "app.toml"), folder)
    result = run_sandboxed(app, example_inputs(app.manifest))
    assert result.outcome is Outcome.OK, result.detail
    assert result.outputs is not None
    assert {value.output for value in result.outputs.values} <= {o.key for o in app.manifest.outputs}


def test_a_plain_honest_app_conforms(make: Callable[..., Path]) -> None:
    assert check_app(make(GOOD)) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return AppOutputs(values=window_values({'number': random.random()}, inputs.start))", "differ"),
        ("return AppOutputs(values=window_values({'other': 1.0}, inputs.start))", "does not declare"),
        ("return AppOutputs(values=window_values({'number': 'x'}, inputs.start))", "as numeric"),
        ("return AppOutputs(values=window_values({'number': 1}, inputs.end.replace(year=2040)))", "outside"),
        ("return AppOutputs(values=window_values({'number': 1.0}, inputs.start) * 2)", "twice"),
        ("return AppOutputs(missing=('nothing',))", "never declared"),
        ("return AppOutputs(missing=('pressure',))", "which is there"),
        ("return AppOutputs(values=window_values({'number': 1.0}, inputs.start))", "does not say so"),
        ("inputs.good(inputs.found('pressure')[0])[1][0]\nreturn AppOutputs()", "IndexError"),
        ("return AppOutputs(screen=Screen(blocks=(TextBlock(text=Texts(zh='字' * 900, en='x')),)))", "large"),
        ("return None", "must return AppOutputs"),
    ],
)  # fmt: skip
def test_the_suite_notices(body: str, said: str, make: Callable[..., Path]) -> None:
    problems = check_app(make(body))
    assert any(said in problem for problem in problems), problems


def test_the_suite_notices_an_alarm_without_a_good_sample(make: Callable[..., Path]) -> None:
    problems = check_app(make(GOOD, output='flags = "below:1"'))
    assert problems == ["no samples: without one good sample it raises an alarm by number"]


def test_the_suite_notices_missing_texts_and_cards(make: Callable[..., Path]) -> None:
    problems = check_app(make(GOOD, zh="name", cards=("en",)))
    assert problems == ["the Chinese text of name holds no Chinese", "there is no model card card_zh.md"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1.0.0"', 'version = "1"'),
        ("schedule_s = 60", "schedule_s = 0.1"),
        ('semantic = "pressure.hydraulic"', 'semantic = "pressure.*.x"'),
        ('publisher = "x"', 'publisher = "x"\nunknown = 1'),
        ("output_bytes = 1024", "output_bytes = 99999999"),
        ('key = "number"', 'key = "number"\nkind = "array"'),
        ('problems = ["quality"]', 'problems = ["quality"'),
    ],
)
def test_a_manifest_that_says_nonsense_is_refused(old: str, new: str, make: Callable[..., Path]) -> None:
    folder = make(GOOD)
    text = (folder / "app.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "app.toml").write_text(text.replace(old, new), encoding="utf-8")
    (problem,) = check_app(folder)
    assert "no app manifest" in problem


def test_an_example_window_is_reproducible() -> None:
    manifest = read_manifest(APPS[0] / "app.toml")
    first, second = example_inputs(manifest), example_inputs(manifest)
    assert first.signals == second.signals
    assert all(first.tables[kind].equals(second.tables[kind]) for kind in first.tables)
