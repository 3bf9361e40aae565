"""The part of `Client` about the programme's register of enterprises; for the bureau only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_platform.sdk.calls.paths import below, given
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tundish_platform.sdk.calls.register_answers import (
        RegisterChanged,
        RegisterContact,
        RegisterEntry,
        RegisterFigures,
        RegisterMerge,
        RegisterNumber,
        RegisterPreview,
        RegisterStatement,
    )

_MEDIA: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_REGISTER: Final = ("programme", "register")


class RegisterCalls(Transport):
    """Entries in two times, contacts, merges and files."""

    def register(self, known: str = "", on: str | None = None, **narrowed: str) -> Iterator[RegisterEntry]:
        """The entries by code, fetched page by page.

        Args:
            known: number of a change or an instant: as known then.
            on: day that is asked about; today if absent.
            narrowed: ``search``, ``industry``, ``region``, ``size``, ``park``.
        """
        return self._every(below(*_REGISTER), _asked(known, on) | narrowed)

    def register_entry(self, uscc: str, known: str = "", on: str | None = None) -> RegisterEntry:
        """One entry, also one that was merged away."""
        found: RegisterEntry = self._json("GET", _of(uscc), params=_asked(known, on))
        return found

    def register_figures(self, known: str = "", on: str | None = None) -> RegisterFigures:
        """Enterprises by county, division, size and park; with both parameters what was counted then."""
        path = below(*_REGISTER, "figures")
        found: RegisterFigures = self._json("GET", path, params=_asked(known, on))
        return found

    def register_history(self, uscc: str) -> Iterator[RegisterStatement]:
        """Everything that was ever said of an enterprise, the newest first."""
        return self._every(_of(uscc, "history"))

    def enter_enterprise(self, uscc: str, fields: Mapping[str, str], **more: object) -> RegisterNumber:
        """Put an enterprise on the register; ``valid_from``, ``note`` and ``demo`` if wanted. For people."""
        body = {"uscc": uscc, "fields": dict(fields)} | more
        made: RegisterNumber = self._post(below(*_REGISTER), body)
        return made

    def edit_enterprise(
        self, uscc: str, edit: Mapping[str, Any], version: int | None = None
    ) -> RegisterChanged:
        """Say something else: ``fields``, ``valid_from``, ``withdraw``, ``note``. For people.

        Raises:
            ApiError: 412 if the ``version`` that was read is not the last one.
        """
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        done: RegisterChanged = self._json("PATCH", _of(uscc), json=dict(edit), headers=headers)
        return done

    def register_contacts(self, uscc: str) -> list[RegisterContact]:
        """The persons to talk to. For people."""
        return self._list(_of(uscc, "contacts"))

    def add_register_contact(self, uscc: str, contact: Mapping[str, str]) -> RegisterNumber:
        """Enter a person: ``name``, ``role``, ``phone``, ``mail``. For people."""
        made: RegisterNumber = self._post(_of(uscc, "contacts"), dict(contact))
        return made

    def delete_register_contact(self, uscc: str, number: int) -> None:
        """Delete a person for good. For people."""
        self._send("DELETE", _of(uscc, "contacts", number))

    def register_merges(self) -> Iterator[RegisterMerge]:
        """Merges, the newest first."""
        return self._every(below(*_REGISTER, "merges"))

    def merge_enterprises(self, merged: str, kept: str, note: str) -> RegisterNumber:
        """Let the entry ``kept`` stand for the entry ``merged``, too. For people."""
        body = {"merged": merged, "kept": kept, "note": note}
        made: RegisterNumber = self._post(below(*_REGISTER, "merges"), body)
        return made

    def undo_merge(self, number: int, note: str) -> None:
        """Let both entries stand for themselves again. For people."""
        self._send("POST", below(*_REGISTER, "merges", number, "undo"), json={"note": note})

    def save_register_template(self, file: Path) -> int:
        """Write an empty file to fill in, ``.csv`` or ``.xlsx``; returns bytes."""
        return self._save(below(*_REGISTER, "template"), {"format": _form(file)}, file)

    def save_register(
        self, file: Path, known: str = "", on: str | None = None, *, contacts: bool = False, **narrowed: str
    ) -> int:
        """Write the register to a file; ``contacts`` are for people and stand in the audit trail."""
        path = below(*_REGISTER, "export-with-contacts" if contacts else "export")
        return self._save(path, _asked(known, on) | narrowed | {"format": _form(file)}, file)

    def preview_register(self, file: Path) -> RegisterPreview:
        """Send a file and learn row by row what it would do; nothing is written."""
        headers = {"Content-Type": _MEDIA[_form(file)]}
        found: RegisterPreview = self._json(
            "POST", below(*_REGISTER, "imports"), params={"name": file.name}, content=file.read_bytes(),
            headers=headers,
        )  # fmt: skip
        return found

    def register_import(self, number: int) -> RegisterPreview:
        """What a file that waits would do as the register stands now."""
        found: RegisterPreview = self._json("GET", below(*_REGISTER, "imports", number))
        return found

    def confirm_register(self, number: int, digest: str, *, skip_wrong: bool = False) -> RegisterPreview:
        """Do what the preview with that digest showed. For people.

        Raises:
            ApiError: 409 if it would do something else by now, 422 if rows are wrong and none is skipped.
        """
        body = {"digest": digest, "skip_wrong": skip_wrong}
        done: RegisterPreview = self._post(below(*_REGISTER, "imports", number, "confirm"), body)
        return done

    def drop_register_import(self, number: int) -> None:
        """Forget a file that waits."""
        self._send("DELETE", below(*_REGISTER, "imports", number))


def _of(uscc: str, *parts: str | int) -> str:
    return below(*_REGISTER, "enterprises", uscc, *parts)


def _asked(known: str, on: str | None) -> dict[str, str]:
    return given(known=known or None, on=on)


def _form(file: Path) -> str:
    return "xlsx" if file.suffix.lower() == ".xlsx" else "csv"
