"""The part of `Client` about tables that people edit, and about contracts of signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from tundish_platform.sdk.calls.paths import of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tundish_platform.sdk.calls.product_answers import Changes, ContractDetail, ContractInfo

Table = Literal["assets", "signals"]

_MEDIA: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class TableCalls(Transport):
    """Equipment and signals as files; what sources promise of signals."""

    def fetch_table(self, tenant: str, table: Table, file: Path) -> str:
        """Write a table to a file, ``.csv`` or ``.xlsx``; returns the tag to send it back with."""
        answer = self._send("GET", of(tenant, "tables", table), params={"format": _form(file)})
        file.write_bytes(answer.content)
        return answer.headers["ETag"]

    def send_table(self, tenant: str, table: Table, file: Path, apply_to: str = "") -> Changes:
        """Say what a file would do, or do it to the version that was read: all of it or nothing.

        Args:
            tenant: its short name.
            table: which.
            file: ``.csv`` or ``.xlsx``; cells that are empty change nothing.
            apply_to: the tag that `fetch_table` gave; only looked at without.

        Returns:
            ``applied, new, changed, kept, rows``.

        Raises:
            ApiError: ``bad_rows`` with the wrong rows as ``detail["rows"]``, 412 if somebody was faster, or
                another refusal.
        """
        headers = {"Content-Type": _MEDIA[_form(file)]} | ({"If-Match": apply_to} if apply_to else {})
        asked = {"apply": "true" if apply_to else "false"}
        done: Changes = self._json(
            "PUT", of(tenant, "tables", table), params=asked, content=file.read_bytes(), headers=headers
        )
        return done

    def put_contract(self, tenant: str, name: str, contract: Mapping[str, Any]) -> ContractInfo:
        """Promise something of signals: ``source``, ``signals``; ``new_version`` to break the last one."""
        said: ContractInfo = self._json("PUT", of(tenant, "contracts", name), json=dict(contract))
        return said

    def contracts(self, tenant: str, path: str = "") -> Iterator[ContractInfo]:
        """The contracts that hold, or the one that names a signal; none for a raw one."""
        return self._every(of(tenant, "contracts"), {"path": path} if path else {})

    def contract(self, tenant: str, name: str, version: int = 0) -> ContractDetail:
        """A version with its ``signals`` and where they are ``unmet``; the one that holds for 0."""
        found: ContractDetail = self._json(
            "GET", of(tenant, "contracts", name), params={"version": str(version)}
        )
        return found


def _form(file: Path) -> str:
    return "xlsx" if file.suffix.lower() == ".xlsx" else "csv"
