"""Published figures as a package of open data: CSV and JSON, their description, and the log that proves them.

The description follows Frictionless Data Package 1.0. The package is made of the log alone, so that whoever
has both can hold one against the other; `tundish programme verify` does.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

from tundish_platform.documents.archives import zipped
from tundish_platform.programme.published.entries import Figure
from tundish_platform.programme.published.heads import Head
from tundish_platform.programme.register.codes import county_names, industry_names
from tundish_platform.programme.rules import published_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME: Final = "tundish-programme-figures"
TABLE_CSV, TABLE_JSON = "data/figures.csv", "data/figures.json"
LOG_FILE, HEAD_FILE, DESCRIPTION = "proof/log.json", "proof/head.json", "datapackage.json"
WITHHELD: Final = ":"
_LICENCE: Final = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
_MOST_UNPACKED: Final = 1 << 30
_CHINA: Final = timezone(timedelta(hours=8))
_STATUSES: Final = ("exact", "rounded", "withheld", "corrected")
# Name, type, and what it means; the order is that of the columns.
_FIELDS: Final = (
    ("number", "integer", "Place in the log; empty where the value is withheld and so never was logged."),
    ("name", "string", "enterprises.<stage>.current: in the stage or above it; .ever: that have been."),
    ("region", "string", "County, GB/T 2260; empty for all."),
    ("region_zh", "string", "Its name."),
    ("industry", "string", "Industry, GB/T 4754-2017; empty for all."),
    ("industry_zh", "string", "Name of its division."),
    ("value", "integer", "Enterprises; ':' where withheld: fewer than five, or so that none such follows."),
    ("status", "string", "exact; rounded to a multiple of five; withheld; corrected by a later figure."),
    ("rule_version", "string", "Version of the rules by which was counted."),
    ("moment", "datetime", "End of the newest window that was counted."),
    ("published_at", "datetime", "When it was published."),
    ("corrects", "integer", "Number of the figure that this one takes the place of."),
    ("reason", "string", "Why it corrects."),
    ("demo", "boolean", "Whether fictional enterprises or a demonstration's rules are counted."),
    ("simulated", "boolean", "Whether a simulation made it."),
    ("evidence", "string", "Root over the salted digests of the evidence."),
)  # fmt: skip
COLUMNS: Final = tuple(name for name, _, _ in _FIELDS)
Row = dict[str, Any]


def rows_of(figures: Sequence[Figure]) -> list[Row]:
    """The table: every figure of the log, and in each publication the cells that only others told."""
    corrected = {one.corrects for one in figures if one.corrects is not None}
    cells = sorted({(one.name, one.region, one.industry) for one in figures})
    publications: dict[tuple[object, ...], list[Figure]] = {}
    for one in figures:
        publications.setdefault((one.rule_version, one.moment, one.published_at, one.evidence), []).append(
            one
        )
    rows: list[Row] = []
    for told in publications.values():
        rows += [_row(one, corrected=one.number in corrected) for one in told]
        known = {(one.name, one.region, one.industry) for one in told}
        stages = {one.name for one in told}
        rows += [_withheld(told[0], *cell) for cell in cells if cell not in known and cell[0] in stages]
    return rows


def _row(one: Figure, *, corrected: bool) -> Row:
    said = one.model_dump(mode="json")
    status = "withheld" if one.value is None else "exact" if one.exact else "rounded"
    return _named({name: said.get(name) for name in COLUMNS} | {
        "value": WITHHELD if one.value is None else one.value,
        "status": "corrected" if corrected else status,
    })  # fmt: skip


def _withheld(of: Figure, name: str, region: str, industry: str) -> Row:
    """The mark of a cell that this publication does not tell."""
    beside = ("rule_version", "moment", "published_at", "demo", "simulated", "evidence", "reason")
    said = of.model_dump(mode="json")
    return _named(dict.fromkeys(COLUMNS) | {key: said[key] for key in beside} | {
        "name": name, "region": region, "industry": industry, "value": WITHHELD, "status": "withheld",
    })  # fmt: skip


def _named(row: Row) -> Row:
    region, industry = row["region"], row["industry"]
    return row | {
        "region_zh": county_names(region)[0] if region else "",
        "industry_zh": industry_names(industry)[0] if industry else "",
    }


def package_of(log: Mapping[str, Any]) -> bytes:
    """The package as a ZIP; the same log gives the same bytes.

    Args:
        log: as `log.export` gives it, with a head at least.
    """
    figures = [Figure.model_validate(said) for said in log["figures"]]
    head = Head.model_validate(log["heads"][-1])
    rows = rows_of(figures)
    files = {
        TABLE_CSV: csv_of(rows),
        TABLE_JSON: _json(rows),
        LOG_FILE: _json(log),
        HEAD_FILE: _json(head.model_dump(mode="json")),
    }
    described = _json(_description(files, figures, head))
    readme = _README.format(at=head.at.astimezone(_CHINA).isoformat()).encode()
    named = [(DESCRIPTION, described), ("README.md", readme), *files.items()]
    return zipped(named, head.at.astimezone(_CHINA))


def files_of(data: bytes) -> dict[str, bytes]:
    """The files of a package by name.

    Raises:
        ValueError: it unpacks to too much.
    """
    with ZipFile(io.BytesIO(data)) as archive:
        if sum(part.file_size for part in archive.infolist()) > _MOST_UNPACKED:
            raise ValueError("the package unpacks to too much")
        return {part.filename: archive.read(part) for part in archive.infolist()}


def differs(files: Mapping[str, bytes], figures: Sequence[Figure], head: Head) -> str:
    """What a package says beside its log, in words; empty where it says the same."""
    described, rows = json.loads(files[DESCRIPTION]), rows_of(figures)
    if Head.model_validate(json.loads(files[HEAD_FILE])) != head or described["proof"]["root"] != head.root:
        return "the head beside the log is not the log's"
    if json.loads(files[TABLE_JSON]) != rows:
        return "the JSON table says something else than the log"
    if files[TABLE_CSV] != csv_of(rows):
        return "the CSV table says something else than the log"
    for one in described["resources"]:
        if one["hash"] != f"sha256:{hashlib.sha256(files[one['path']]).hexdigest()}":
            return f"{one['path']} is not the file that the description names"
    return ""


def csv_of(rows: Sequence[Row]) -> bytes:
    """The rows as CSV in UTF-8; nothing is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell_of(row[name]) for name in COLUMNS} for row in rows)
    return out.getvalue().encode()


def cell_of(value: object) -> str:
    """A value as the CSV has it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _description(files: Mapping[str, bytes], figures: Sequence[Figure], head: Head) -> dict[str, Any]:
    used = {one.rule_version for one in figures}
    rules = [rule for version, rule in published_rules().items() if version in used]
    return {
        "profile": "data-package",
        "name": NAME,
        "title": "企业上云上平台公开数据 / Published figures of the programme",
        "description": "Adoption counted from measured evidence, disclosure-controlled, with its proof.",
        "version": str(head.size),
        "created": head.at.isoformat(),
        "licenses": [_LICENCE],
        "keywords": ["上云上平台", "adoption", "open data"],
        "rules": [{"version": rule.version, "title": f"{rule.name.zh} / {rule.name.en}"} for rule in rules],
        "proof": {
            "log": LOG_FILE, "head": HEAD_FILE, "size": head.size, "root": head.root,
            "command": "tundish programme verify <this package>",
        },
        "resources": [
            _resource("figures", TABLE_CSV, files, "csv"),
            _resource("figures-json", TABLE_JSON, files, "json"),
            _proof("log", LOG_FILE, files),
            _proof("head", HEAD_FILE, files),
        ],
    }  # fmt: skip


def _resource(name: str, path: str, files: Mapping[str, bytes], form: str) -> dict[str, Any]:
    fields = [
        {"name": name, "type": kind, "description": says}
        | ({"constraints": {"enum": list(_STATUSES)}} if name == "status" else {})
        for name, kind, says in _FIELDS
    ]
    return _proof(name, path, files) | {
        "profile": "tabular-data-resource", "format": form,
        "mediatype": "text/csv" if form == "csv" else "application/json",
        "schema": {"fields": fields, "missingValues": ["", WITHHELD]},
    }  # fmt: skip


def _proof(name: str, path: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    content = files[path]
    return {
        "name": name, "path": path, "profile": "data-resource", "format": "json",
        "mediatype": "application/json", "encoding": "utf-8", "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }  # fmt: skip


_README: Final = """# 企业上云上平台公开数据 · Published figures of the programme

数据截至 {at}。许可:CC BY 4.0。字段、隐去标记 (“:”) 与规则版本见 datapackage.json。
As of {at}. Licence: CC BY 4.0. Columns, the mark of withheld cells (":") and rule versions: datapackage.json.

核验 · To verify, offline:

    tundish programme verify <package>.zip [--key FINGERPRINT] [--against head.json]

请保存 proof/head.json:下次可证明历史未被改写。
Keep proof/head.json: next time it proves that nothing was rewritten.
"""
