"""Archives whose bytes follow from their content alone: Office files and packages to download."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_READABLE: Final = 0o644 << 16
_UNIX: Final = 3


def zipped(files: Iterable[tuple[str, bytes]], moment: datetime) -> bytes:
    """A ZIP of files in the given order, each dated with that moment.

    Args:
        files: name and bytes of each.
        moment: in the time zone that shall be written; seconds are kept to two.
    """
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        for name, content in files:
            info = ZipInfo(name, moment.timetuple()[:6])
            info.compress_type, info.external_attr, info.create_system = ZIP_DEFLATED, _READABLE, _UNIX
            archive.writestr(info, content)
    return out.getvalue()


def unzipped(data: bytes) -> list[tuple[str, bytes]]:
    """Names and bytes of the files of a ZIP, in their order."""
    with ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]
