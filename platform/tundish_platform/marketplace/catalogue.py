"""The catalogue: every app there is, found as an installed distribution or as a folder on the shelf.

Finding an app never imports it: its code runs in the sandbox only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from tundish_platform.marketplace.matching import match, stock_of
from tundish_platform.sdk import Manifest, ManifestError, missing_inputs, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tundish_platform.samples import SignalInfo

GROUP = "tundish.apps"
MANIFEST_FILE = "app.toml"

_log = structlog.get_logger(__name__)


class UnknownApp(KeyError):  # noqa: N818 - reads as what it is where it is caught
    """No app of that id is in the catalogue."""


@dataclass(frozen=True, slots=True)
class App:
    """One app of the catalogue: its manifest and the folder of its package, with model cards beside.

    Attributes:
        foreign: it came as a package from a publisher, so it runs with name spaces or not at all.
        approved_at: when the operator approved it; None for the platform's own.
    """

    manifest: Manifest
    folder: Path
    foreign: bool = False
    approved_at: datetime | None = None

    def card(self, language: str) -> str:
        """The model card, ``zh`` or ``en``; empty where the app ships none."""
        card = self.folder / f"card_{language}.md"
        return card.read_text(encoding="utf-8") if card.is_file() else ""


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What an app would find at a tenant.

    Attributes:
        found: keys of the inputs some signal serves.
        absent: keys of the inputs no signal serves, needed or not.
        missing: keys of those without which the app cannot work; empty means it can.
        signals: the signals that would be granted.
    """

    found: tuple[str, ...]
    absent: tuple[str, ...]
    missing: tuple[str, ...]
    signals: tuple[SignalInfo, ...]

    @property
    def usable(self) -> bool:
        """Whether the app can work with what the tenant has."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Apps by id.

    Attributes:
        shelved: the platform's own apps: those installed, and those on the shelf.
        refused: what was found and is no app, with the reason, for the operator.
        packages: gives the approved packages as they are now; they come and go while the platform runs.
        named: gives an approved package by id and version, for who runs another one than the newest.
    """

    shelved: Mapping[str, App] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    packages: Callable[[], Mapping[str, App]] | None = None
    named: Callable[[str, str], App | None] | None = None

    @property
    def apps(self) -> Mapping[str, App]:
        """Every app there is now. The platform's own wins over a package of the same id."""
        packages = self.packages() if self.packages else {}
        return dict(sorted({**packages, **self.shelved}.items()))

    @classmethod
    def find(
        cls,
        shelf: Path | None = None,
        *,
        installed: bool = True,
        packages: Callable[[], Mapping[str, App]] | None = None,
        named: Callable[[str, str], App | None] | None = None,
    ) -> Catalogue:
        """Look through installed distributions (entry points `tundish.apps`) and a shelf of app folders.

        An app on the shelf is ``<shelf>/<any>/<package>/app.toml``. The shelf wins over an installed app of
        the same id, so that an author sees what they are working on.
        """
        apps: dict[str, App] = {}
        refused: list[str] = []
        for folder in [*(_installed() if installed else []), *_shelved(shelf)]:
            try:
                app = App(_manifest_of(folder), folder)
            except ManifestError as error:
                _log.warning("app_refused", folder=str(folder), reason=str(error))
                refused.append(str(error))
            else:
                apps[app.manifest.id] = app
        return cls(apps, tuple(refused), packages, named)

    @property
    def versions(self) -> Mapping[tuple[str, str], App]:
        """The same by id and version."""
        return {(app_id, app.manifest.version): app for app_id, app in self.apps.items()}

    def running(self, app_id: str, version: str | None) -> App:
        """The app in the version that a subscription runs; the newest where that is None or not there.

        Of the platform's own apps there is one version, which came with the platform.

        Raises:
            UnknownApp: there is no such app.
        """
        if version is not None and app_id not in self.shelved and self.named is not None:
            found = self.named(app_id, version)
            if found is not None:
                return found
        return self.app(app_id)

    def app(self, app_id: str) -> App:
        """The app of that id, in its newest version.

        Raises:
            UnknownApp: there is none.
        """
        try:
            return self.apps[app_id]
        except KeyError:
            raise UnknownApp(app_id) from None

    def describe(self) -> list[dict[str, Any]]:
        """The catalogue as the API gives it: manifests and model cards."""
        return [
            {**app.manifest.model_dump(mode="json"), "card_zh": app.card("zh"), "card_en": app.card("en")}
            for app in self.apps.values()
        ]


def compatibility(manifest: Manifest, signals: Iterable[SignalInfo]) -> Compatibility:
    """What of the manifest's inputs a tenant's signals serve."""
    served = {one.wanted.key: one.fits for one in match(manifest, stock_of(signals))}
    granted = {s.id: s for matches in served.values() for s in matches}
    numbers = {key: tuple(s.id for s in matches) for key, matches in served.items()}
    return Compatibility(
        found=tuple(key for key, matches in served.items() if matches),
        absent=tuple(key for key, matches in served.items() if not matches),
        missing=missing_inputs(manifest, tuple(granted.values()), numbers),
        signals=tuple(sorted(granted.values(), key=lambda s: s.path)),
    )


def _manifest_of(folder: Path) -> Manifest:
    manifest = read_manifest(folder / MANIFEST_FILE)
    if manifest.package != folder.name:
        raise ManifestError(f"{folder} holds an app whose entry lies in {manifest.package}")
    return manifest


def _installed() -> Iterator[Path]:
    for point in entry_points(group=GROUP):
        spec = find_spec(point.module)
        for location in (spec.submodule_search_locations or []) if spec else []:
            yield Path(location)


def _shelved(shelf: Path | None) -> Iterator[Path]:
    if shelf is not None:
        yield from sorted(path.parent for path in shelf.glob(f"*/*/{MANIFEST_FILE}"))
