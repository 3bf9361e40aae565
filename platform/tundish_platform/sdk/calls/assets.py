"""The equipment tree, types of machines, and line kits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tundish_platform.sdk.calls.plant_answers import (
        AssetInfo,
        Instance,
        Kit,
        LineKit,
        Typed,
        TypeInfo,
    )


class AssetCalls(Transport):
    """Equipment, its types, and kits that make a whole line."""

    def assets(self, tenant: str, *, retired: bool = False) -> Iterator[AssetInfo]:
        """Nodes by number, fetched page by page."""
        return self._every(of(tenant, "assets"), given(retired="true" if retired else None))

    def asset(self, tenant: str, number: int) -> AssetInfo:
        """One node."""
        found: AssetInfo = self._json("GET", of(tenant, "assets", number))
        return found

    def make_asset(
        self, tenant: str, code: str, name_zh: str, name_en: str, parent: int | None = None, position: int = 0
    ) -> AssetInfo:
        """Make a node below another one, or below the enterprise."""
        body = {
            "code": code, "name_zh": name_zh, "name_en": name_en, "parent": parent, "position": position,
        }  # fmt: skip
        made: AssetInfo = self._post(of(tenant, "assets"), body)
        return made

    def change_asset(self, tenant: str, number: int, version: int, **changes: str | int | bool) -> AssetInfo:
        """Change ``name_zh``, ``name_en``, ``position`` or ``retired`` of the version that was read."""
        body = {"version": version, **changes}
        changed: AssetInfo = self._json("PATCH", of(tenant, "assets", number), json=body)
        return changed

    def move_asset(self, tenant: str, number: int, version: int, parent: int) -> AssetInfo:
        """Hang the version that was read under another node."""
        body = {"version": version, "parent": parent}
        moved: AssetInfo = self._post(of(tenant, "assets", number, "move"), body)
        return moved

    def remove_asset(self, tenant: str, number: int) -> bool:
        """Remove a node that never had anything."""
        return bool(self._json("DELETE", of(tenant, "assets", number))["removed"])

    def asset_types(self, tenant: str) -> Iterator[TypeInfo]:
        """Types of machines by key, fetched page by page."""
        return self._every(of(tenant, "asset-types"))

    def asset_type(self, tenant: str, key: str, version: int | None = None) -> TypeInfo:
        """A type with what it inherits; the newest, or one version."""
        found: TypeInfo = self._json("GET", of(tenant, "asset-types", key), params=given(version=version))
        return found

    def save_asset_type(self, tenant: str, key: str, spec: Mapping[str, Any]) -> TypeInfo:
        """Keep a type as its next version."""
        kept: TypeInfo = self._json("PUT", of(tenant, "asset-types", key), json=dict(spec))
        return kept

    def instance(self, tenant: str, asset: int) -> Instance:
        """What an asset has by its type, and what it has otherwise."""
        found: Instance = self._json("GET", of(tenant, "assets", asset, "type"))
        return found

    def give_type(
        self,
        tenant: str,
        asset: int,
        version: int,
        key: str,
        type_version: int | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Typed:
        """Make the version of an asset that was read an instance of a type, with its signals and rules."""
        body = {"version": version, "type": key, "type_version": type_version}
        body |= {} if overrides is None else {"overrides": dict(overrides)}
        made: Typed = self._json("PUT", of(tenant, "assets", asset, "type"), json=body)
        return made

    def kits(self) -> list[LineKit]:
        """The line kits there are."""
        return self._list("/kits")

    def build_kit(self, tenant: str, kit: str, line: str | None = None, *, apply: bool = False) -> Kit:
        """What a kit would make, or with ``apply`` make it: all or nothing, nothing twice."""
        made: Kit = self._post(of(tenant, "kits", kit), {"line": line, "apply": apply})
        return made
