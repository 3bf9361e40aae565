"""Publishers, their keys, and the versions of apps they send: checked, reviewed, and only then for others."""

from tundish_platform.marketplace.publishing.approved import ApprovedPackages, FetchedPackages, packages_for
from tundish_platform.marketplace.publishing.checks import Finding, Report, check_package
from tundish_platform.marketplace.publishing.falling import stop_orphans
from tundish_platform.marketplace.publishing.fieldruns import (
    FEWEST,
    FieldHalt,
    FieldRun,
    FieldUpgrade,
    FieldVersion,
    field_halts,
    field_runs,
    field_upgrades,
    field_versions,
    own_apps,
)
from tundish_platform.marketplace.publishing.folder import PackageFolder
from tundish_platform.marketplace.publishing.publishers import (
    KeyView,
    add_key,
    confirm_key,
    keys_of,
    keys_to_confirm,
    publisher_name,
    register,
)
from tundish_platform.marketplace.publishing.refusal import PublishRefused
from tundish_platform.marketplace.publishing.review import decide, revoke_key, take_back
from tundish_platform.marketplace.publishing.states import LIFE, Act, State
from tundish_platform.marketplace.publishing.versions import (
    VersionView,
    any_version,
    move,
    upload,
    version_of,
    versions_in,
    versions_of,
)

__all__ = [
    "FEWEST",
    "LIFE",
    "Act",
    "ApprovedPackages",
    "FetchedPackages",
    "FieldHalt",
    "FieldRun",
    "FieldUpgrade",
    "FieldVersion",
    "Finding",
    "KeyView",
    "PackageFolder",
    "PublishRefused",
    "Report",
    "State",
    "VersionView",
    "add_key",
    "any_version",
    "check_package",
    "confirm_key",
    "decide",
    "field_halts",
    "field_runs",
    "field_upgrades",
    "field_versions",
    "keys_of",
    "keys_to_confirm",
    "move",
    "own_apps",
    "packages_for",
    "publisher_name",
    "register",
    "revoke_key",
    "stop_orphans",
    "take_back",
    "upload",
    "version_of",
    "versions_in",
    "versions_of",
]
