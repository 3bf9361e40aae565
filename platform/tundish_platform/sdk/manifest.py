"""`Manifest`: what an app says of itself in `app.toml`, before anyone runs a line of it."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tundish_platform.samples import SampleKind, SignalInfo, SignalRole
from tundish_platform.samples.units import units
from tundish_platform.sdk.fit import obstacles
from tundish_platform.sdk.flags import Flag, flag_of
from tundish_platform.sdk.records import DocumentWish, RecordWish
from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_KEY = r"^[a-z][a-z0-9_]*$"
# As semver.org has it, and small enough for any database's whole numbers.
_VERSION = r"^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$"
# With hyphens, so that an app can read what another one writes: `app.<id>.<key>`.
_SEMANTIC = r"^(\*|[a-z0-9_]+(\.[a-z0-9_-]+)*(\.\*)?)$"


class ManifestError(ValueError):
    """An `app.toml` that is missing, no TOML, or does not say what a manifest must say."""


class ParameterRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A setting the app does not have, or of the wrong kind."""


class UnknownPlan(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The app has no plan of that key."""


class Need(StrEnum):
    """How much the app needs an input."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    ONE_OF = "one_of"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Part):
    """One kind of signal the app reads.

    Attributes:
        key: the app's own name for it.
        semantic: a semantic kind, a family ending in ``.*``, or ``*`` for any.
        need: required, optional, or one of those marked ``one_of`` (any single one is enough).
        kinds: which sample kinds fit.
        roles: which signal roles fit; empty for all but what platform and apps computed.
        max_period_s: slowest useful rate, in seconds between samples; absent for any rate.
        unit: UCUM code that the app computes in; signals in another unit of the quantity are converted, all
            others do not fit. Empty to take values in whatever unit they have.
    """

    key: Annotated[str, Field(pattern=_KEY, max_length=60)]
    semantic: Annotated[str, Field(pattern=_SEMANTIC, max_length=120)]
    name: Texts
    need: Need = Need.REQUIRED
    kinds: tuple[SampleKind, ...] = (SampleKind.NUMERIC,)
    roles: tuple[SignalRole, ...] = ()
    max_period_s: Annotated[float, Field(gt=0)] | None = None
    unit: Annotated[str, Field(max_length=20)] = ""

    def matches(self, signal: SignalInfo) -> bool:
        """Whether a signal of the tenant can serve as this input."""
        return not obstacles(self, signal)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.unit and self.unit not in units():
            raise ValueError(f"unit {self.unit!r} of input {self.key} is not in the vocabulary of units")
        return self


class Output(_Part):
    """One signal the app writes: ``app.<app id>.<key>``, numeric or text, with its UCUM unit.

    Attributes:
        flags: which of its values call for somebody (`flag_of`); empty where none does, as of a figure.
        lead_s: how long before trouble a flag is meant to come, in seconds; the window's length if absent.
    """

    key: Annotated[str, Field(pattern=_KEY, max_length=60)]
    name: Texts
    kind: Literal[SampleKind.NUMERIC, SampleKind.TEXT] = SampleKind.NUMERIC
    unit: Annotated[str, Field(max_length=20)] = ""
    flags: Annotated[str, Field(max_length=200)] = ""
    lead_s: Annotated[float, Field(gt=0, le=31 * 86_400)] | None = None

    @property
    def flag(self) -> Flag | None:
        """The rule that tells its alarms from its other values."""
        return flag_of(self.flags) if self.flags else None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.flag and self.flag.of_text is not (self.kind is SampleKind.TEXT):
            raise ValueError(f"flags {self.flags!r} does not fit an output of kind {self.kind}")
        if self.lead_s and not self.flags:
            raise ValueError("lead_s belongs to an output with flags")
        return self


class Parameter(_Part):
    """A setting the subscriber may give; without a default it is absent until given."""

    key: Annotated[str, Field(pattern=_KEY, max_length=60)]
    name: Texts
    kind: Literal["number", "text"] = "number"
    default: float | str | None = None


class Resources(_Part):
    """What one run may use; the sandbox enforces it.

    Attributes:
        seconds: wall time.
        memory_mb: memory for the app's own work, above what the interpreter and its libraries take.
        output_bytes: size of everything the app hands back.
    """

    seconds: Annotated[float, Field(gt=0, le=300)] = 30
    memory_mb: Annotated[int, Field(ge=32, le=4_096)] = 256
    output_bytes: Annotated[int, Field(ge=1_024, le=8_388_608)] = 1_048_576


class PlanKind(StrEnum):
    """What a plan charges for: nothing, the month, each granted signal and month, or each accepted run."""

    FREE = "free"
    FLAT = "flat"
    PER_SIGNAL = "per_signal"
    PER_RUN = "per_run"


class Plan(_Part):
    """One way to pay for the app.

    Attributes:
        key: the app's own name for it; it stays the same from version to version.
        fen: per month, per signal and month, or per run, as the kind says; 0 for a free plan only.
        trial_days: whole days after the day of subscribing that cost nothing.
    """

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=20)]
    name: Texts
    kind: PlanKind
    fen: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    trial_days: Annotated[int, Field(ge=0, le=180)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.kind is PlanKind.FREE) != (self.fen == 0):
            raise ValueError("a free plan costs 0 fen, any other plan more than 0")
        if self.kind is PlanKind.FREE and self.trial_days:
            raise ValueError("a free plan needs no trial")
        return self


_PLAN_NAMES = {
    PlanKind.FREE: Texts(zh="免费", en="Free"),
    PlanKind.FLAT: Texts(zh="包月", en="Monthly"),
    PlanKind.PER_SIGNAL: Texts(zh="按信号", en="Per signal"),
}


class Price(_Part):
    """The one plan of an app that names no ``plans``; a plan other than free names its fen a month."""

    plan: Literal["free", "flat", "per_signal"] = "free"
    fen_per_month: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.plan == "free") != (self.fen_per_month == 0):
            raise ValueError("a free plan costs 0 fen, any other plan more than 0")
        return self

    def as_plan(self) -> Plan:
        """The same as a plan, named after its kind."""
        kind = PlanKind(self.plan)
        return Plan(key=kind.value, name=_PLAN_NAMES[kind], kind=kind, fen=self.fen_per_month)


class Manifest(_Part):
    """The whole of `app.toml`.

    Attributes:
        entry: ``package.module:function`` with ``function(AppInputs) -> AppOutputs``.
        industries: GB/T 4754 codes or prefixes the app was made for; empty for all.
        problems: what it helps with.
        records: what it reads beside signals, once a person agreed; an app has inputs, records or both.
        documents: what it may hand back for the platform to seal.
        schedule_s: seconds between runs.
        window_s: seconds of source time each run reads, ending at the newest sample.
        price: the one plan of an app without ``plans``.
        plans: the ways to pay, the first being what a subscriber gets who names none.
        data_use: what happens with the data, in words a subscriber can hold the publisher to.
        changes: what is new in this version, in the publisher's words.
    """

    # With `app.` before it, it is the `model` of the app's alerts, which has 60 places.
    id: Annotated[str, Field(pattern=_ID, max_length=56)]
    version: Annotated[str, Field(pattern=_VERSION)]
    entry: Annotated[str, Field(pattern=r"^tundish_app_\w+(\.\w+)*:\w+$")]
    name: Texts
    description: Texts
    publisher: Annotated[str, Field(min_length=1, max_length=120)]
    industries: tuple[str, ...] = ()
    problems: tuple[Literal["quality", "energy", "equipment", "production", "supply"], ...]
    inputs: Annotated[tuple[Input, ...], Field(max_length=64)] = ()
    records: Annotated[tuple[RecordWish, ...], Field(max_length=10)] = ()
    outputs: Annotated[tuple[Output, ...], Field(min_length=1, max_length=64)]
    documents: Annotated[tuple[DocumentWish, ...], Field(max_length=10)] = ()
    parameters: tuple[Parameter, ...] = ()
    schedule_s: Annotated[float, Field(ge=10)]
    window_s: Annotated[float, Field(gt=0, le=31 * 86_400)]
    resources: Resources = Resources()
    price: Price = Price()
    plans: Annotated[tuple[Plan, ...], Field(max_length=8)] = ()
    data_use: Texts
    changes: Texts | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.plans and self.price != Price():
            raise ValueError("name the ways to pay once, as price or as plans")
        if not self.inputs and not self.records:
            raise ValueError("an app reads signals, records or both")
        # Inputs and records share one list of what is missing.
        reads = [part.key for part in self.inputs] + [wish.kind.value for wish in self.records]
        for name, keys in (
            ("inputs or records", reads),
            ("outputs", [part.key for part in self.outputs]),
            ("documents", [part.key for part in self.documents]),
            ("parameters", [part.key for part in self.parameters]),
            ("plans", [part.key for part in self.plans]),
        ):
            if len(keys) != len(set(keys)):
                raise ValueError(f"two {name} have the same key")
        return self

    def wish(self, kind: str) -> RecordWish | None:
        """What the app asks for of one kind of records; None where it does not."""
        return next((wish for wish in self.records if wish.kind == kind), None)

    @property
    def package(self) -> str:
        """Top-level package that holds the app."""
        return self.entry.partition(":")[0].partition(".")[0]

    @property
    def offers(self) -> tuple[Plan, ...]:
        """All ways to pay, whichever way the manifest names them."""
        return self.plans or (self.price.as_plan(),)

    def offer(self, key: str | None = None) -> Plan:
        """The plan of that key, or the first.

        Raises:
            UnknownPlan: the app has no such plan.
        """
        for plan in self.offers:
            if key is None or plan.key == key:
                return plan
        raise UnknownPlan(f"{self.id} has no plan {key}")

    def carried(self, given: Mapping[str, float | str]) -> dict[str, float | str]:
        """Parameters that another version ran with, as far as this one knows them; else its defaults."""
        known = {parameter.key: parameter.kind == "text" for parameter in self.parameters}
        return self.settings(
            {key: one for key, one in given.items() if key in known and known[key] is isinstance(one, str)}
        )

    def settings(self, given: dict[str, float | str]) -> dict[str, float | str]:
        """Parameters of a subscription: what was given, else the defaults.

        Raises:
            ParameterRefused: a name the manifest does not know, or a text where a number is meant.
        """
        known = {parameter.key: parameter for parameter in self.parameters}
        unknown = set(given) - set(known)
        if unknown:
            raise ParameterRefused(f"{self.id} has no parameter {', '.join(sorted(unknown))}")
        for key, value in given.items():
            if (known[key].kind == "text") is not isinstance(value, str):
                raise ParameterRefused(f"parameter {key} must be a {known[key].kind}")
        defaults = {key: p.default for key, p in known.items() if p.default is not None}
        return {**defaults, **given}


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file named `app.toml`.

    Raises:
        ManifestError: says what is wrong with it.
    """
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except OSError as error:
        raise ManifestError(f"{path} is no app manifest: {error}") from error


def parse_manifest(content: bytes, name: str) -> Manifest:
    """The manifest that an `app.toml` holds.

    Args:
        content: of the file.
        name: of the file, for the error.

    Raises:
        ManifestError: says what is wrong with it.
    """
    try:
        return Manifest.model_validate(tomllib.loads(content.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError, RecursionError) as error:
        raise ManifestError(f"{name} is no app manifest: {error}") from error
