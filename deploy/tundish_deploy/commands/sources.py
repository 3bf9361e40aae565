"""`tundish connectors`: what can be collected from, and how it is set up."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tundish_deploy.commands.options import JsonOption, give_up

console = Console(highlight=False)


def connectors(
    name: Annotated[str | None, typer.Argument(help="One of them: its settings as JSON schema.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """List the connectors, or print the settings of one as JSON schema."""
    from tundish_connectors.registry import UnknownConnector, connector_type, connector_types

    if name is not None:
        try:
            kind = connector_type(name)
        except UnknownConnector as error:
            give_up(str(error))
        try:
            console.print_json(data=kind.config().model_json_schema())
        except ImportError as error:
            give_up(f"{error}. Install tundish[{kind.manifest.extra}].")
        return
    kinds = connector_types()
    if json:
        console.print_json(data={"connectors": [kind.manifest.model_dump(mode="json") for kind in kinds]})
        return
    table = Table("type", "名称 / name", "protocol", "install", "quality")
    for kind in kinds:
        manifest = kind.manifest
        rules = [rule for tier in kind.quality().values() for rule in tier.values()]
        met = sum(rule.status != "open" for rule in rules)
        names = f"{manifest.name_zh} / {manifest.name_en}"
        extra = f"tundish\\[{manifest.extra}]"
        table.add_row(manifest.type, names, manifest.protocol, extra, f"{met}/{len(rules)}")
    console.print(table)
