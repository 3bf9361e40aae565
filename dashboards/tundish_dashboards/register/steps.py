"""What officers do with entries: enter, edit, merge, take a merge back, add and delete contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, dcc, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION
from tundish_dashboards.register.entry import entry_body, form, typed, uscc_of
from tundish_dashboards.register.words import refusal
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.programme import InvalidUscc
from tundish_platform.programme.register.changes import (
    Edit,
    RegisterRefused,
    edit_enterprise,
    enter_enterprise,
)
from tundish_platform.programme.register.codes import UnknownCode
from tundish_platform.programme.register.contacts import ContactSpec, add_contact, delete_contact
from tundish_platform.programme.register.fields import FIELDS, FieldRefused, read_date
from tundish_platform.programme.register.merging import merge_enterprises, undo_merge
from tundish_platform.programme.register.reading import entry_of, known_of
from tundish_platform.programme.uscc import FICTIONAL_REGION, normalise
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from datetime import date

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.register.reading import RegisterEntry

_REFUSALS: Final = (RegisterRefused, FieldRefused, InvalidUscc)
_PATH: Final = State(LOCATION, "pathname")
_BODY: Final = Output("entry-body", "children", allow_duplicate=True)
_MAX_ID: Final = 2**31 - 1
_LONGEST: Final = 2_000


def register_enterprise_steps(pages: Pages) -> None:
    """The dialogs and buttons of an enterprise's page."""
    _register_edit(pages)
    _register_merge(pages)
    _register_undo(pages)
    _register_contacts(pages)


def entered(pages: Pages, person: Person, values: list[str]) -> Component:
    """Put an enterprise on the register, and say how to get to it."""
    t, (uscc, name, industry, region) = person.t, values
    code = normalise(uscc)
    edit = Edit(fields={"name_zh": name, "industry": industry, "region": region})
    try:
        with pages.context.metadata.session() as session:
            enter_enterprise(session, person.principal.name, code, edit, utc_now(),
                             demo=code[2:8] == FICTIONAL_REGION)  # fmt: skip
    except _REFUSALS as error:
        return refusal(person, error)
    link = dcc.Link(t("register.open"), href=Route(Page.ENTERPRISE, of=code).path)
    return components.notice(Tone.GOOD, t("register.done"), link)


def _register_edit(pages: Pages) -> None:
    fields = {"role": "entry-field", "name": ALL}

    @pages.on_programme(
        Output("entry-dialog", "opened"),
        Output("entry-dialog-what", "children"),
        Output("entry-dialog-problem", "children"),
        Output("entry-form", "children"),
        _BODY,
        Input("entry-edit", "n_clicks"),
        Input("entry-yes", "n_clicks"),
        Input("entry-no", "n_clicks"),
        State(fields, "value"),
        State(fields, "id"),
        State("entry-valid", "value"),
        State("entry-note", "value"),
        _PATH,
        initially=False,
    )
    def edit(person: Person, opens: object, yes: object, _no: object, *said: object) -> tuple[Any, ...]:
        values, ids, valid, note, path = said
        uscc, asked = uscc_of(path), wishes.asker()
        if asked == "entry-edit" and opens:
            one = _entry(pages, uscc)
            return True, person.t("register.edit"), None, [_version(one), *form(person, one)], no_update
        if asked != "entry-yes" or not yes:
            return False, no_update, None, no_update, no_update
        filled = wishes.filled(values, ids, "name")
        try:
            _save(pages, person, uscc, filled, wishes.word(valid, "the day", 20),
                  wishes.word(note, "the note", 400))  # fmt: skip
        except _REFUSALS as error:
            return True, no_update, refusal(person, error), no_update, no_update
        done = components.done(person.t("register.done"))
        return False, no_update, None, [], entry_body(pages, person, uscc, done)


def _version(one: RegisterEntry) -> Component:
    """Which version the form shows, as a field of the form itself."""
    return dcc.Input(
        id={"role": "entry-field", "name": "version"}, value=str(one.version), type="hidden"
    )  # fmt: skip


def _entry(pages: Pages, uscc: str) -> RegisterEntry:
    with pages.context.metadata.session() as session:
        one = entry_of(session, uscc, known_of(session, utc_now()))
    if one is None:
        raise RegisterRefused("未登记该企业。", "It is not on the register.", "unknown_enterprise")
    return one


def _save(pages: Pages, person: Person, uscc: str, filled: dict[str, object], valid: str, note: str) -> None:
    """Say what differs from what the form showed, and nothing of the rest."""
    said = {name: wishes.word(value, "the field", _LONGEST) for name, value in filled.items()}
    version = said.pop("version", "")
    one = _entry(pages, uscc)
    changed = {
        name: text for name, text in said.items() if name in FIELDS and text.strip() != typed(one, name)
    }
    edit = Edit(fields=changed, valid_from=_day(valid), note=note)
    with pages.context.metadata.session() as session:
        seen = int(version) if version.isascii() and version.isdigit() else None
        edit_enterprise(session, person.principal.name, uscc, edit, utc_now(), version=seen)


def _day(valid: str) -> date | None:
    try:
        return read_date(valid) if valid.strip() else None
    except UnknownCode as error:
        raise RegisterRefused(error.zh, error.en) from None


def _register_merge(pages: Pages) -> None:
    @pages.on_programme(
        Output("merge-dialog", "opened"),
        Output("merge-dialog-what", "children"),
        Output("merge-dialog-problem", "children"),
        _BODY,
        Input("merge-open", "n_clicks"),
        Input("merge-yes", "n_clicks"),
        Input("merge-no", "n_clicks"),
        State("merge-kept", "value"),
        State("merge-note", "value"),
        _PATH,
        initially=False,
    )
    def merge(person: Person, opens: object, yes: object, _no: object, *said: object) -> tuple[Any, ...]:
        kept, note, path = said
        uscc, asked = uscc_of(path), wishes.asker()
        if asked == "merge-open" and opens:
            return True, person.t("register.merge_what", uscc=uscc), None, no_update
        if asked != "merge-yes" or not yes:
            return False, no_update, None, no_update
        into, why = wishes.word(kept, "the entry", 40), wishes.word(note, "the note", 400).strip()
        try:
            if not why:
                raise RegisterRefused("请写明原因。", "Say why.")
            with pages.context.metadata.session() as session:
                merge_enterprises(session, person.principal.name, uscc, into, why, utc_now())
        except _REFUSALS as error:
            return True, no_update, refusal(person, error), no_update
        return (
            False,
            no_update,
            None,
            entry_body(pages, person, uscc, components.done(person.t("register.done"))),
        )


def _register_undo(pages: Pages) -> None:
    @pages.on_programme(
        _BODY,
        Input({"role": "merge-undo", "number": ALL}, "n_clicks"),
        _PATH,
        initially=False,
    )
    def undo(person: Person, _clicks: object, path: object) -> object:
        uscc, asked = uscc_of(path), wishes.click()
        if not asked:
            return no_update
        number = wishes.whole(asked.get("number"), "the merge", 0, _MAX_ID, 0)
        said = components.done(person.t("register.done"))
        try:
            with pages.context.metadata.session() as session:
                undo_merge(session, person.principal.name, number, "", utc_now())
        except _REFUSALS as error:
            said = refusal(person, error)
        return entry_body(pages, person, uscc, said)


def _register_contacts(pages: Pages) -> None:
    names = ("name", "role", "phone", "mail")

    @pages.on_programme(
        _BODY,
        Input("contact-add", "n_clicks"),
        Input({"role": "contact-delete", "number": ALL}, "n_clicks"),
        *(State(f"contact-{name}", "value") for name in names),
        _PATH,
        initially=False,
    )
    def contact(person: Person, adds: object, _deletes: object, *said: object) -> object:
        *values, path = said
        uscc, asked, t = uscc_of(path), wishes.click(), person.t
        shown: Component = components.done(t("register.done"))
        with pages.context.metadata.session() as session:
            if asked:
                number = wishes.whole(asked.get("number"), "the contact", 0, _MAX_ID, 0)
                delete_contact(session, person.principal.name, uscc, number, utc_now())
            elif wishes.asker() != "contact-add" or not adds:
                return no_update
            else:
                filled = {name: wishes.word(v, name) for name, v in zip(names, values, strict=True)}
                try:
                    person_said = ContactSpec.model_validate(filled)
                    add_contact(session, person.principal.name, uscc, person_said, utc_now())
                except ValidationError:
                    shown = components.notice(Tone.BAD, t("register.refused"), t("register.wrong_contact"))
                except RegisterRefused as error:
                    shown = refusal(person, error)
        return entry_body(pages, person, uscc, shown)
