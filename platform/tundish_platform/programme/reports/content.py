"""What a report says: numbers and names, no sentences, so that both languages say the same."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.programme.declared import Basis, Bound, Kind
from tundish_platform.programme.external import Kind as ExternalKind
from tundish_platform.programme.published import Figure, Head
from tundish_platform.programme.series.targets import Kind as TargetKind
from tundish_platform.sdk import Texts
from tundish_platform.sdk.canonical import canonical

FORMAT: Final = "tundish-programme-report-v1"
Month = Annotated[str, Field(pattern=r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])$")]
ByStage = dict[str, int]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReportStage(_Part):
    """A stage of the rule, with the conditions that make it and the months each must hold."""

    key: str
    name: Texts
    windows: int
    conditions: tuple[Texts, ...]


class Row(_Part):
    """A month of the whole city.

    Attributes:
        current: enterprises in each stage or above it at the end of the month.
        ever: that have been, up to then; ``new`` for the first time in the month.
    """

    month: Month
    enterprises: int
    current: ByStage
    ever: ByStage
    new: ByStage


class ReportCell(_Part):
    """A county, an industry or a size class; without figures where few enterprises lie in it."""

    key: str
    name: Texts
    enterprises: int | None
    current: ByStage | None
    ever: ByStage | None
    new: ByStage | None


class Moves(_Part):
    """What moved since the month before; ``gained`` and ``lost`` by stage.

    Attributes:
        joined, left: the register.
        up, down: to another stage, of those that were there in both months.
    """

    joined: int
    left: int
    up: int
    down: int
    gained: ByStage
    lost: ByStage


class Step(_Part):
    """How many stalled enterprises a condition keeps out of a stage."""

    stage: str
    condition: Texts
    enterprises: int


class StalledCount(_Part):
    """Enterprises that have not moved for so many months and stand below the last stage."""

    months: int
    enterprises: int
    steps: tuple[Step, ...]


class ReportTarget(_Part):
    """A target of the year beside what was measured; the projection is for December, with its interval."""

    id: int
    stage: str
    kind: TargetKind
    region: str
    industry: str
    park: str
    place: Texts | None
    version: int
    value: int
    source: str
    suppressed: bool
    actual: int | None
    completion: float | None
    low: int | None
    middle: int | None
    high: int | None
    completion_low: float | None
    completion_high: float | None


class AppUsers(_Part):
    """Enterprises that used an app in the month; None where they are few."""

    app: str
    name: Texts
    enterprises: int | None


class AppAdoption(_Part):
    """Use of apps: by enterprises of the register, from the frozen facts; by app, from accepted runs.

    Attributes:
        one, three: enterprises that used at least so many apps in the month.
        subscribed: enterprises with a subscription.
        trend: of ``one``, by month of the report.
    """

    one: int
    three: int
    subscribed: int
    trend: tuple[int, ...]
    by_app: tuple[AppUsers, ...]


class VoucherSum(_Part):
    """Vouchers of a cell in fen; None where few enterprises have any."""

    key: str
    name: Texts | None
    enterprises: int | None
    issued_fen: int | None
    redeemed_fen: int | None
    expired_fen: int | None


class Vouchers(_Part):
    """Vouchers up to the day the report was counted."""

    on: date
    total: VoucherSum
    by_region: tuple[VoucherSum, ...]


class ExternalSum(_Part):
    """Enterprises with an external fact of a kind, in force on the month's last day and in all."""

    kind: ExternalKind
    in_force: int
    ever: int


class DeclaredLine(_Part):
    """A figure that a city declared, with the title of its document."""

    key: str
    name: Texts
    value: float
    unit: str
    as_of: str
    since: str
    kind: Kind
    bound: Bound
    basis: Basis
    source: Texts


class PublishedPart(_Part):
    """Figures of the log that stood when the report was counted, each to be verified by its number."""

    key: str
    head: Head
    figures: tuple[Figure, ...]


class ReportContent(_Part):
    """A month's report.

    Attributes:
        facts_digest: SHA-256 over the digests of the frozen months that it was counted from.
        months_used: how many these were.
        simulated: whether a simulation made any of them; ``demo_enterprises`` how many are fictional.
        level: of the projections' interval.
    """

    format: Literal["tundish-programme-report-v1"] = FORMAT
    month: Month
    rule_version: str
    rule_name: Texts
    facts_digest: str
    months_used: int
    counted_at: AwareDatetime
    simulated: bool
    demo_enterprises: int
    level: float
    stages: tuple[ReportStage, ...]
    months: tuple[Row, ...]
    by_region: tuple[ReportCell, ...]
    by_industry: tuple[ReportCell, ...]
    by_size: tuple[ReportCell, ...]
    moves: Moves | None
    stalled: StalledCount
    targets: tuple[ReportTarget, ...]
    apps: AppAdoption
    vouchers: Vouchers
    external: tuple[ExternalSum, ...]
    declared: tuple[DeclaredLine, ...]
    published: PublishedPart | None

    @property
    def newest(self) -> Row:
        """The report's month."""
        return self.months[-1]

    def text(self) -> str:
        """The one way it is written."""
        return canonical(self.model_dump(mode="json")).decode()

    def digest(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.text().encode()).hexdigest()
