"""The automatic checks of a version: what a person need not look for. The app runs in the sandbox only."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict

from tundish_platform.marketplace.isolation import bubblewrap
from tundish_platform.marketplace.publishing.refusal import PublishRefused
from tundish_platform.marketplace.sandbox import run_sandboxed
from tundish_platform.samples.semantics import semantic_kind, semantic_kinds
from tundish_platform.sdk.testing import said_problems, window_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.marketplace.isolation import Isolation
    from tundish_platform.sdk import AppInputs, AppOutputs, Manifest

    Run = Callable[[AppInputs], AppOutputs]

MOST_SECONDS: Final = 60.0
"""Of one run in the checks, whatever the manifest says: the windows are small, the machine may be busy."""

_turn = Lock()


class Finding(BaseModel):
    """One thing wrong.

    Attributes:
        check: which check found it.
        problem: in words of the check, English.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: Literal["texts", "semantics", "upgrade", "conformance"]
    problem: str


class Report(BaseModel):
    """What the checks found; passed if that is nothing.

    Attributes:
        isolation: how the app was kept apart while it ran.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    isolation: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class RunFailed(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """A run in the sandbox that ended without outputs."""


def check_package(app: App, before: Manifest | None, isolation: Isolation = "bubblewrap") -> Report:
    """All checks of a version.

    Args:
        app: as `PackageFolder.load` gives it.
        before: manifest of the newest approved version, if there is one.
        isolation: ``process`` is for authors at home, whose own code it is.

    Raises:
        PublishRefused: there is no sandbox here, or another version is being checked.
    """
    if isolation == "bubblewrap" and bubblewrap() is None:
        raise PublishRefused(
            503, "no_sandbox", "本服务器没有可用的沙箱 (bubblewrap), 不能运行他人的应用。请联系平台运营者。",
            "This server has no sandbox (bubblewrap) and runs nobody else's code. Ask the operator.",
        )  # fmt: skip
    found = [Finding(check="texts", problem=one) for one in said_problems(app.manifest, app.folder)]
    found += [Finding(check="semantics", problem=one) for one in unknown_kinds(app.manifest)]
    if before is not None:
        found += [Finding(check="upgrade", problem=one) for one in breaks(before, app.manifest)]
    with _alone():
        runs = window_problems(app.manifest, in_sandbox(app, isolation), app.folder)
        found += [Finding(check="conformance", problem=one[:1_000]) for one in runs]
    return Report(isolation=isolation, findings=tuple(found))


def unknown_kinds(manifest: Manifest) -> Iterator[str]:
    """Inputs whose semantic kind, or family, the vocabulary does not have; outputs of apps are fine."""
    known = semantic_kinds()
    for item in manifest.inputs:
        stem = item.semantic.removesuffix("*").removesuffix(".")
        family = any(name.startswith(f"{stem}.") for name in known)
        if stem and not stem.startswith("app.") and semantic_kind(stem) is None and not family:
            yield f"input {item.key}: no semantic kind {item.semantic!r}; GET /vocabulary lists those known"


def breaks(before: Manifest, after: Manifest) -> list[str]:
    """Why subscribers cannot go on with another version of the same major number; empty if they can."""
    if after.version.partition(".")[0] != before.version.partition(".")[0]:
        return []
    said = f"unlike {before.version}; raise the major version"
    kept = {output.key: (output.kind, output.unit) for output in after.outputs}
    found = [
        f"output {output.key} is gone or has another kind or unit, {said}"
        for output in before.outputs
        if kept.get(output.key) != (output.kind, output.unit)
    ]
    asked = {item.key: (item.semantic, item.need) for item in before.inputs}
    found += [
        f"input {item.key} is needed or of another kind, {said}"
        for item in after.inputs
        if item.need != "optional" and asked.get(item.key) != (item.semantic, item.need)
    ]
    agreed = {wish.kind: set(wish.fields) for wish in before.records if wish.need == "required"}
    found += [
        f"records {wish.kind} are needed with more fields than before, {said}"
        for wish in after.records
        if wish.need == "required" and not set(wish.fields) <= agreed.get(wish.kind, set())
    ]
    settable = {parameter.key: parameter.kind for parameter in after.parameters}
    found += [
        f"parameter {parameter.key} is gone or of another kind, {said}"
        for parameter in before.parameters
        if settable.get(parameter.key) != parameter.kind
    ]
    return found


def in_sandbox(app: App, isolation: Isolation) -> Run:
    """The app's entry point as a function that runs in the sandbox; it raises `RunFailed` without outputs."""
    limits = app.manifest.resources
    short = limits.model_copy(update={"seconds": MOST_SECONDS})
    limited = replace(app, manifest=app.manifest.model_copy(update={"resources": short}))

    def run(inputs: AppInputs) -> AppOutputs:
        result = run_sandboxed(limited, replace(inputs, manifest=limited.manifest), isolation)
        if result.outputs is None:
            raise RunFailed(f"{result.outcome}: {result.detail}")
        return result.outputs

    return run


@contextmanager
def _alone() -> Iterator[None]:
    """One version at a time in this process, for a check takes as long as the app makes it take."""
    if not _turn.acquire(blocking=False):
        raise PublishRefused(
            503, "checks_busy", "正在检查另一个版本。请稍后再试。",
            "Another version is being checked. Come again in a minute.",
        )  # fmt: skip
    try:
        yield
    finally:
        _turn.release()
