"""The parts list of a release as a CycloneDX document: what a lock file installs, and who wants what.

The same lock gives the same document to the byte, so that a build can be compared with another.
"""

from __future__ import annotations

import uuid
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from tundish_deploy.release.licences import Duty, licences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_deploy.release.locked import Locked

SCHEMA: Final = SchemaVersion.V1_6
_ALGORITHMS: Final = {"sha256": HashAlgorithm.SHA_256, "sha384": HashAlgorithm.SHA_384,
                      "sha512": HashAlgorithm.SHA_512}  # fmt: skip
_PROJECT: Final = "tundish"


def sbom(locked: Sequence[Locked], version: str, at: datetime) -> str:
    """The document as JSON.

    Args:
        locked: the distributions.
        version: of ours.
        at: when it was made; for a release the time of its commit.
    """
    root = Component(
        name=_PROJECT, version=version, type=ComponentType.APPLICATION, bom_ref=_PROJECT,
        purl=PackageURL("pypi", None, _PROJECT, version),
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )  # fmt: skip
    words = {
        (one.name, one.version): one.licence for one in licences(locked) if one.duty is not Duty.ELSEWHERE
    }
    parts = {one: _component(one, words.get((one.name, one.version), "")) for one in locked}
    bom = Bom(components=parts.values(), serial_number=_serial(locked, version))
    bom.metadata.component = root
    bom.metadata.timestamp = at
    bom.register_dependency(root, [part for one, part in parts.items() if "" in one.wanted_by])
    for who, whole in parts.items():
        needed = [part for one, part in parts.items() if who.name in one.wanted_by]
        bom.register_dependency(whole, needed)
    text: str = make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2)
    return text + "\n"


def _component(one: Locked, licence: str) -> Component:
    purl = PackageURL("pypi", None, one.name, one.version)
    return Component(
        name=one.name, version=one.version, type=ComponentType.LIBRARY, purl=purl, bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        # A distribution has a file for each platform, and any of them may be the one installed.
        hashes=[HashType(alg=_ALGORITHMS[kind], content=digest) for kind, digest in one.hashes],
        properties=[Property(name="tundish:marker", value=one.marker)] if one.marker else [],
    )  # fmt: skip


def _serial(locked: Sequence[Locked], version: str) -> uuid.UUID:
    digest = sha256(repr((version, sorted((one.name, one.version, one.hashes) for one in locked))).encode())
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{_PROJECT}:{digest.hexdigest()}")
