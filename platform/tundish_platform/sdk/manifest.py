"""`Manifest`: what an app says of itself in `app.toml`, before anyone runs a line of it."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tundish_platform.samples import SampleKind, SignalInfo, SignalRole
from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from pathlib import Path

_ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_KEY = r"^[a-z][a-z0-9_]*$"
# As semver.org has it, and small enough for any database's whole numbers.
_VERSION = r"^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$"
_SEMANTIC = r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$"

# What platform and apps computed is no input: an app reading its own output would feed on itself.
DERIVED_ROLES = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})


class ManifestError(ValueError):
    """An `app.toml` that is missing, no TOML, or does not say what a manifest must say."""


class ParameterRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A setting the app does not have, or of the wrong kind."""


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
    """

    key: Annotated[str, Field(pattern=_KEY, max_length=60)]
    semantic: Annotated[str, Field(pattern=_SEMANTIC, max_length=120)]
    name: Texts
    need: Need = Need.REQUIRED
    kinds: tuple[SampleKind, ...] = (SampleKind.NUMERIC,)
    roles: tuple[SignalRole, ...] = ()
    max_period_s: Annotated[float, Field(gt=0)] | None = None

    def matches(self, signal: SignalInfo) -> bool:
        """Whether a signal of the tenant can serve as this input."""
        roles = self.roles or tuple(set(SignalRole) - DERIVED_ROLES)
        fast_enough = (
            self.max_period_s is None or signal.period_s is None or signal.period_s <= self.max_period_s
        )
        return (
            fast_enough
            and signal.kind in self.kinds
            and signal.role in roles
            and fnmatchcase(signal.semantic, self.semantic)
        )


class Output(_Part):
    """One signal the app writes: ``app.<app id>.<key>``, numeric or text, with its UCUM unit."""

    key: Annotated[str, Field(pattern=_KEY, max_length=60)]
    name: Texts
    kind: Literal[SampleKind.NUMERIC, SampleKind.TEXT] = SampleKind.NUMERIC
    unit: Annotated[str, Field(max_length=20)] = ""


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


class Price(_Part):
    """What a subscription costs each month, in fen; a plan other than free names its amount."""

    plan: Literal["free", "flat", "per_signal"] = "free"
    fen_per_month: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.plan == "free") != (self.fen_per_month == 0):
            raise ValueError("a free plan costs 0 fen, any other plan more than 0")
        return self


class Manifest(_Part):
    """The whole of `app.toml`.

    Attributes:
        entry: ``package.module:function`` with ``function(AppInputs) -> AppOutputs``.
        industries: GB/T 4754 codes or prefixes the app was made for; empty for all.
        problems: what it helps with.
        schedule_s: seconds between runs.
        window_s: seconds of source time each run reads, ending at the newest sample.
        data_use: what happens with the data, in words a subscriber can hold the publisher to.
    """

    id: Annotated[str, Field(pattern=_ID, max_length=60)]
    version: Annotated[str, Field(pattern=_VERSION)]
    entry: Annotated[str, Field(pattern=r"^tundish_app_\w+(\.\w+)*:\w+$")]
    name: Texts
    description: Texts
    publisher: Annotated[str, Field(min_length=1, max_length=120)]
    industries: tuple[str, ...] = ()
    problems: tuple[Literal["quality", "energy", "equipment", "production", "supply"], ...]
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=64)]
    outputs: Annotated[tuple[Output, ...], Field(min_length=1, max_length=64)]
    parameters: tuple[Parameter, ...] = ()
    schedule_s: Annotated[float, Field(ge=10)]
    window_s: Annotated[float, Field(gt=0, le=31 * 86_400)]
    resources: Resources = Resources()
    price: Price = Price()
    data_use: Texts

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, parts in (("input", self.inputs), ("output", self.outputs), ("parameter", self.parameters)):
            keys = [part.key for part in parts]
            if len(keys) != len(set(keys)):
                raise ValueError(f"two {name}s have the same key")
        return self

    @property
    def package(self) -> str:
        """Top-level package that holds the app."""
        return self.entry.partition(":")[0].partition(".")[0]

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
