"""Round trip and tampering of passports; traces and recall lists against brute force."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tundish_app_product_passport
from tundish_app_product_passport.app import PASSPORTS, run
from tundish_app_product_passport.genealogy import genealogy

from tundish_platform.sdk import AppInputs, RecordKind, read_manifest, record_table
from tundish_platform.sdk.canonical import canonical, chained
from tundish_platform.sdk.sealed import DocumentRefused, Statement, open_sealed, seal
from tundish_platform.sdk.signing import fingerprint, new_key, public_part
from tundish_platform.sdk.testing import check_app, example_inputs
from tundish_platform.sdk.verify import main, verify_document

FOLDER = Path(tundish_app_product_passport.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
KEY = new_key()
MARK = fingerprint(public_part(KEY))
# Two heats, three slabs of them (one of both), four coils; nothing was made of slab 3 and the coils.
KINDS = {"heat/1": "lot", "heat/2": "lot", "slab/1": "piece", "slab/2": "piece", "slab/3": "piece"}
KINDS |= {f"coil/{n}": "piece" for n in range(1, 5)}
EDGES = [
    ("slab/1", "heat/1"), ("slab/2", "heat/1"), ("slab/2", "heat/2"), ("slab/3", "heat/2"),
    ("coil/1", "slab/1"), ("coil/2", "slab/1"), ("coil/3", "slab/2"), ("coil/4", "slab/2"),
]  # fmt: skip


def events() -> list[dict[str, Any]]:
    def which(name: str, prefix: str = "") -> dict[str, str]:
        series, _, number = name.partition("/")
        return {f"{prefix}series": series, f"{prefix}number": number}

    declared = [
        {
            "event": "declared",
            "at": NOW + timedelta(minutes=n),
            "kind": kind,
            "material": "Q355B",
            **which(name),
        }
        for n, (name, kind) in enumerate(KINDS.items())
    ]
    made = [
        {"event": "made_from", "at": NOW, **which(product), **which(source, "from_")}
        for product, source in EDGES
    ]
    secret = {"event": "stay", "at": NOW, "path": "secret-place", **which("coil/1")}
    return [*declared, *made, secret]


def window(**parameters: str) -> AppInputs:
    table = record_table(RecordKind.PRODUCT_EVENTS, events())
    base = example_inputs(MANIFEST)
    return replace(base, records={RecordKind.PRODUCT_EVENTS: table}, parameters=parameters)


def passport_of(subject: str) -> dict[str, Any]:
    (found,) = [d for d in run(window(product=subject)).documents if d.subject == subject]
    return found.content


def sealed(content: dict[str, Any]) -> bytes:
    statement = Statement(
        app=MANIFEST.id, app_version=MANIFEST.version, document="passport", subject=content["product"],
        enterprise="钢厂", made_at=NOW, content=content,
    )  # fmt: skip
    return seal(KEY, statement)


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_each_finished_piece_gets_a_passport_with_all_that_went_into_it() -> None:
    outputs = run(window())
    subjects = {document.subject for document in outputs.documents}
    assert subjects == {"slab/3", "coil/1", "coil/2", "coil/3", "coil/4"}
    entries = passport_of("coil/3")["entries"]
    declared = [entry["product"] for entry in entries if entry["event"] == "declared"]
    assert declared == ["heat/1", "heat/2", "slab/2", "coil/3"], "sources before what was made of them"
    edges = {(entry["product"], entry["from"]) for entry in entries if entry["event"] == "made_from"}
    assert edges == {("slab/2", "heat/1"), ("slab/2", "heat/2"), ("coil/3", "slab/2")}


def test_a_passport_holds_public_fields_only() -> None:
    found = {name for entry in passport_of("coil/1")["entries"] for name in entry}
    assert found == {"event", "product", "kind", "material", "at", "from", "hash"}
    (wish,) = MANIFEST.records
    assert not {"order", "quantity", "path", "position"} & set(wish.fields)
    assert "secret-place" not in str(run(window()))


def test_an_origin_that_was_not_read_is_named_and_nothing_claimed_of_it() -> None:
    rows = [row for row in events() if (row["series"], row["number"]) != ("heat", "1")]
    table = record_table(RecordKind.PRODUCT_EVENTS, rows)
    outputs = run(replace(window(product="coil/1"), records={RecordKind.PRODUCT_EVENTS: table}))
    first = outputs.documents[0].content["entries"]
    assert isinstance(first, list)
    assert {k: v for k, v in dict(first[0]).items() if k != "hash"} == {  # type: ignore[arg-type] # JSON
        "event": "declared", "product": "heat/1", "known": False,
    }  # fmt: skip


def test_a_customer_verifies_the_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "passport.json"
    file.write_bytes(sealed(passport_of("coil/3")))
    assert verify_document(file, MARK).statement.subject == "coil/3"
    assert main([str(file), MARK]) == 0
    assert main([str(file)]) == 0
    assert "not proven" in capsys.readouterr().out
    assert main([str(file), "0" * 64]) == 1
    assert main([str(tmp_path / "gone.json")]) == 1


def test_a_change_of_any_single_byte_is_noticed(tmp_path: Path) -> None:
    whole = sealed(passport_of("coil/1"))
    file = tmp_path / "passport.json"
    for place in range(len(whole)):
        changed = bytearray(whole)
        # Each bit in turn; 5 turns small letters into capitals, which hexadecimal digits forgive.
        changed[place] ^= 1 << (5, 0, 3)[place % 3]
        with pytest.raises(DocumentRefused):
            open_sealed(bytes(changed), MARK)
    for bytes_ in (whole[:-1], whole + b" ", b" " + whole, whole.replace(b",", b", ", 1), b""):
        file.write_bytes(bytes_)
        with pytest.raises(DocumentRefused):
            verify_document(file, MARK)


@pytest.mark.parametrize("trick", ["removed", "inserted", "exchanged", "changed", "head"])
def test_a_chain_that_was_changed_is_noticed_even_under_a_good_seal(trick: str, tmp_path: Path) -> None:
    content = passport_of("coil/3")
    entries = content["entries"]
    if trick == "removed":
        del entries[1]
    elif trick == "inserted":
        entries.insert(1, {"event": "declared", "product": "heat/9", "hash": entries[0]["hash"]})
    elif trick == "exchanged":
        entries[1], entries[2] = entries[2], entries[1]
    elif trick == "changed":
        entries[0]["material"] = "Q460"
    else:
        del entries[-1]
    file = tmp_path / "passport.json"
    file.write_bytes(sealed(content))
    with pytest.raises(DocumentRefused):
        verify_document(file, MARK)


def test_a_forger_who_makes_the_whole_file_anew_has_another_key() -> None:
    content = passport_of("coil/3")
    content["entries"] = chained([{"event": "declared", "product": "coil/3", "material": "gold"}])
    content["head"] = content["entries"][-1]["hash"]
    statement = open_sealed(sealed(passport_of("coil/3"))).statement.model_copy(update={"content": content})
    forged = seal(new_key(), statement)
    assert open_sealed(forged).key != MARK
    with pytest.raises(DocumentRefused, match="another key"):
        open_sealed(forged, MARK)


def test_one_statement_has_one_form() -> None:
    assert canonical({"b": 1, "a": ["中", None]}) == '{"a":["中",null],"b":1}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_traces_and_recall_lists_agree_with_brute_force() -> None:
    tree = genealogy(record_table(RecordKind.PRODUCT_EVENTS, events()).to_pylist())
    names = {tuple(name.split("/")) for name in KINDS}

    def above(name: str) -> set[str]:
        direct = {source for product, source in EDGES if product == name}
        return direct.union(*(above(one) for one in direct))

    for name in KINDS:
        series, _, number = name.partition("/")
        assert {"/".join(key) for key in tree.before((series, number))} == above(name)
        below = {other for other in KINDS if name in above(other)}
        assert {"/".join(key) for key in tree.after((series, number))} == below
    assert names == set(tree.products)
    assert ["/".join(key) for key in tree.recall(("heat", "2"))] == ["coil/3", "coil/4", "slab/3"]
    assert tree.before(("coil", "3"))["heat", "1"] == 2


def test_the_recall_list_is_shown_and_counted() -> None:
    outputs = run(window(suspect="heat/1"))
    assert {v.output: v.value for v in outputs.values}["recalled"] == 4.0
    (table,) = [b for b in outputs.screen.blocks if b.type == "table" and "Recall" in b.title.en]
    assert [row[0] for row in table.rows] == ["coil/1", "coil/2", "coil/3", "coil/4"]
    assert {v.output: v.value for v in run(window()).values}["recalled"] is None


def test_no_more_passports_than_a_run_makes() -> None:
    rows = [
        {"event": "declared", "at": NOW, "kind": "piece", "series": "coil", "number": str(n)}
        for n in range(60)
    ]
    table = record_table(RecordKind.PRODUCT_EVENTS, rows)
    outputs = run(replace(window(product="coil/3"), records={RecordKind.PRODUCT_EVENTS: table}))
    assert len(outputs.documents) == PASSPORTS
    assert outputs.documents[0].subject == "coil/3", "the one asked for is among them"
    assert {v.output: v.value for v in outputs.values}["untraced"] == 60.0
