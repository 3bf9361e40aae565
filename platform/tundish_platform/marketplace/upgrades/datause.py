"""What of a tenant's data a version would use beyond another one, and what else differs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tundish_platform.sdk import Manifest

INPUT, RECORDS, WINDOW, WORDS = "input", "records", "window", "data_use"


def more_data(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """What a person has to agree to before ``new`` follows ``old``; empty where it uses no more than that.

    Returns:
        ``input:<key>`` for an input that is new or takes other signals than before, ``records:<kind>`` for
        records that are new, of more fields or of more days, ``window`` for a longer window, ``data_use``
        where the publisher's own words changed.
    """
    found = [f"{INPUT}:{key}" for key in wider_inputs(old, new)]
    found += [f"{RECORDS}:{kind}" for kind in wider_records(old, new)]
    found += [WINDOW] if new.window_s > old.window_s else []
    return (*found, WORDS) if new.data_use != old.data_use else tuple(found)


def wider_inputs(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Keys of inputs that are new, or whose signals are of other kinds or roles than before."""
    before = {one.key: one for one in old.inputs}
    found = []
    for one in new.inputs:
        was = before.get(one.key)
        # A role fewer is no more data, but without any all measured ones serve.
        same_roles = was is not None and (
            one.roles == was.roles or (bool(one.roles) and set(one.roles) <= set(was.roles))
        )
        if was is None or one.semantic != was.semantic or set(one.kinds) - set(was.kinds) or not same_roles:
            found.append(one.key)
    return tuple(found)


def wider_records(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Kinds of records that are new, of more fields, or further back."""
    before = {wish.kind: wish for wish in old.records}
    found = []
    for wish in new.records:
        was = before.get(wish.kind)
        if was is None or set(wish.fields) - set(was.fields) or wish.days > was.days:
            found.append(wish.kind.value)
    return tuple(found)


def changed_parts(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Parts of the manifest that differ, for people who decide."""
    parts = {
        "inputs": (old.inputs, new.inputs),
        "records": (old.records, new.records),
        "outputs": (old.outputs, new.outputs),
        "parameters": (old.parameters, new.parameters),
        "price": (old.offers, new.offers),
        "data_use": (old.data_use, new.data_use),
        "schedule": ((old.schedule_s, old.window_s), (new.schedule_s, new.window_s)),
        "resources": (old.resources, new.resources),
    }
    return tuple(name for name, (was, becomes) in parts.items() if was != becomes)
