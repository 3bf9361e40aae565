"""The part of `Client` about shadow trials: asked for and read, and done by workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.samples import SampleKind
from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.sdk.calls.job_answers import Claimed
    from tundish_platform.sdk.calls.trial_answers import Trial, TrialRow


class TrialCalls(Transport):
    """An app over the tenant's own history, before anybody pays for it."""

    def start_trial(
        self, tenant: str, app: str, parameters: Mapping[str, float | str] | None = None
    ) -> Trial:
        """Ask for a trial of an app; one that waits or runs already is given back."""
        body = {"app": app} | ({"parameters": dict(parameters)} if parameters else {})
        made: Trial = self._post(of(tenant, "trials"), body)
        return made

    def trials(self, tenant: str, app: str | None = None) -> Iterator[TrialRow]:
        """The tenant's trials or those of one app, the newest first, fetched page by page."""
        return self._every(of(tenant, "trials"), given(app=app))

    def trial(self, tenant: str, number: int) -> Trial:
        """One trial as it stands, with its report once there is one."""
        found: Trial = self._json("GET", of(tenant, "trials", number))
        return found

    def save_trial_document(self, tenant: str, number: int, file: Path, language: str = "zh") -> int:
        """Write a trial's report to a PDF file, in Chinese or English; returns its bytes."""
        return self._save(of(tenant, "trials", number, "document"), given(language=language), file)

    def cancel_trial(self, tenant: str, number: int) -> Trial:
        """Not want a trial any more; one that runs ends with its worker's next report."""
        cancelled: Trial = self._post(of(tenant, "trials", number, "cancel"))
        return cancelled

    def trial_inputs(
        self, tenant: str, number: int, start: datetime, end: datetime, kind: SampleKind = SampleKind.NUMERIC
    ) -> pa.Table:
        """Samples of what a running trial may read, and of nothing else."""
        window = given(start=start.isoformat(), end=end.isoformat(), kind=kind.value)
        return self._arrow(of(tenant, "trials", number, "samples"), window)

    def post_trial(self, job: Claimed, number: int, result: Mapping[str, Any]) -> Trial:
        """Hand back what came of a trial's runs, for the job that was claimed."""
        body = {"lease": job["lease"], "result": dict(result)}
        told: Trial = self._post(of(job["tenant"], "trials", number, "result"), body)
        return told
