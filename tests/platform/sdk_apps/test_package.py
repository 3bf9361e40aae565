"""Packing gives the same bytes always; whatever is no package of ours is refused, with the reason."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.sdk import package as packages
from tundish_platform.sdk.package import MAX_FILE_BYTES, PackageError, pack, package_of, read_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOP = "tundish_app_probe"
MANIFEST = """
id = "probe"
version = "1.0.0"
entry = "tundish_app_probe.app:run"
publisher = "测试"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = { zh = "测试", en = "test" }
description = { zh = "测试", en = "test" }
data_use = { zh = "不使用", en = "none" }
inputs = [{ key = "any", semantic = "pressure.*", name = { zh = "压力", en = "pressure" } }]
outputs = [{ key = "number", name = { zh = "数", en = "number" } }]
""".encode()
NEEDED = {f"{TOP}/__init__.py": b"", f"{TOP}/app.toml": MANIFEST}
MEMBER = 0o100444 << 16

part = st.text("aB0_-", min_size=1, max_size=4).filter(lambda text: text[0] != "-")
name = st.builds(
    lambda parts, end: f"{TOP}/{'/'.join(parts)}{end}",
    st.lists(part, min_size=1, max_size=3),
    st.sampled_from([".py", ".json", ".csv"]),
)
contents = st.dictionaries(name, st.binary(max_size=100), max_size=5)


@settings(deadline=None, max_examples=40)
@given(contents, st.randoms())
def test_the_same_files_give_the_same_bytes_in_whatever_order(
    files: dict[str, bytes], random: object
) -> None:
    whole = {**files, **NEEDED}
    if len({one.lower() for one in whole}) < len(whole):
        return
    shuffled = sorted(whole, key=lambda _: random.random())  # type: ignore[attr-defined] # random.Random
    first, second = package_of(whole), package_of({one: whole[one] for one in shuffled})
    assert first.data == second.data
    assert read_package(first.data).files == whole


def test_a_digest_written_down_holds_on_every_machine_and_python() -> None:
    """Signatures stand for years: if a library came to write ZIPs in another way, this says so."""
    assert package_of(NEEDED).digest == "fa729cafd798f0c45966eec6ff06784d13f1760512d7462a14dbdb7009112e51"


def test_packing_forgets_times_rights_and_caches(tmp_path: Path) -> None:
    folder = tmp_path / TOP
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__/app.cpython-311.pyc").write_bytes(b"x")
    for file, content in NEEDED.items():
        (tmp_path / file).write_bytes(content)
    before = pack(folder).data
    (folder / "app.toml").chmod(0o777)
    assert pack(folder).data == before == package_of(NEEDED).data


def test_a_link_or_a_foreign_kind_of_file_cannot_be_packed(tmp_path: Path) -> None:
    folder = tmp_path / TOP
    folder.mkdir()
    for file, content in NEEDED.items():
        (tmp_path / file).write_bytes(content)
    (folder / "secrets.py").symlink_to("/etc/hostname")
    with pytest.raises(PackageError, match="no regular file"):
        pack(folder)
    (folder / "secrets.py").unlink()
    (folder / "native.so").write_bytes(b"\x7fELF")
    with pytest.raises(PackageError, match="no kind"):
        pack(folder)


def archive(
    extra: list[tuple[str, bytes]], *, attributes: int = MEMBER, how: int = zipfile.ZIP_STORED
) -> bytes:
    """An archive with the needed files and others, written as an attacker would."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        for one, content in [*NEEDED.items(), *extra]:
            member = zipfile.ZipInfo(one, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr, member.compress_type = 3, MEMBER, how
            if (one, content) in extra:
                member.external_attr = attributes
            file.writestr(member, content)
    return sink.getvalue()


def with_comment() -> bytes:
    sink = io.BytesIO(package_of(NEEDED).data)
    with zipfile.ZipFile(sink, "a") as file:
        file.comment = b"hidden"
    return sink.getvalue()


def overlapping() -> bytes:
    """Many members over the same bytes: a bomb without compression, made of directory entries."""
    data = package_of({**NEEDED, f"{TOP}/data.csv": b"1" * MAX_FILE_BYTES}).data
    sink = io.BytesIO(data)
    with zipfile.ZipFile(sink, "a") as file:
        big = file.getinfo(f"{TOP}/data.csv")
        for number in range(6):
            copied = zipfile.ZipInfo(f"{TOP}/d{number}.csv", (1980, 1, 1, 0, 0, 0))
            for field in (
                "CRC",
                "compress_size",
                "file_size",
                "header_offset",
                "external_attr",
                "create_system",
            ):
                setattr(copied, field, getattr(big, field))
            file.filelist.append(copied)
        file._didModify = True  # type: ignore[attr-defined] # as an attacker's writer would
    return sink.getvalue()


ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "leads out": (lambda: archive([(f"{TOP}/../../etc/evil.py", b"x")]), "no name"),
    "absolute": (lambda: archive([("/etc/evil.py", b"x")]), "no name"),
    "backslashes": (lambda: archive([(f"{TOP}\\..\\evil.py", b"x")]), "no name"),
    "hidden": (lambda: archive([(f"{TOP}/.evil.py", b"x")]), "no name"),
    "beside": (lambda: archive([("tundish_app_other/app.py", b"x")]), "one folder"),
    "native code": (lambda: archive([(f"{TOP}/evil.so", b"x")]), "no kind"),
    "bytecode": (lambda: archive([(f"{TOP}/app.pyc", b"x")]), "no kind"),
    "symlink": (lambda: archive([(f"{TOP}/a.py", b"/etc/passwd")], attributes=0o120777 << 16), "a link"),
    "executable": (lambda: archive([(f"{TOP}/a.py", b"")], attributes=0o100755 << 16), "other rights"),
    "bomb": (lambda: archive([(f"{TOP}/a.csv", b"0" * 9_000_000)], how=zipfile.ZIP_DEFLATED), "compressed"),
    "too large": (lambda: archive([(f"{TOP}/a.csv", b"0" * (MAX_FILE_BYTES + 1))]), "larger than"),
    "overlapping": (overlapping, "larger than|cannot be read|Overlapped"),
    "heap of files": (lambda: archive([(f"{TOP}/f{n}.py", b"") for n in range(200)]), "more than"),
    "upper case": (lambda: archive([(f"{TOP}/A.py", b"1"), (f"{TOP}/a.py", b"2")]), "upper and lower"),
    "words before": (lambda: b"#!/bin/sh\n" + package_of(NEEDED).data, "canonical|cannot be read"),
    "words behind": (with_comment, "canonical"),
    "no archive": (lambda: b"PK\x05\x06 not really", "cannot be read"),
    "empty": (lambda: b"", "cannot be read"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_archive_of_an_attacker_is_refused(attack: str) -> None:
    make, why = ATTACKS[attack]
    with pytest.raises(PackageError, match=why):
        read_package(make())


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_files_of_one_name_are_refused() -> None:
    """Readers differ in which one they take: a reviewer might read another one than runs."""
    with pytest.raises(PackageError, match="twice"):
        read_package(archive([(f"{TOP}/app.py", b"good"), (f"{TOP}/app.py", b"evil")]))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    """Where the archive still reads, its digest has changed; a signature is over that."""
    whole = package_of(NEEDED)
    place = data.draw(st.integers(0, len(whole.data) - 1))
    changed = bytearray(whole.data)
    changed[place] ^= data.draw(st.integers(1, 255))
    digest = ""
    with suppress(PackageError):
        digest = read_package(bytes(changed)).digest
    assert digest != whole.digest


def test_an_archive_above_the_limit_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.zipfile, "ZipFile", None)
    with pytest.raises(PackageError, match="larger than"):
        read_package(b"0" * (packages.MAX_ARCHIVE + 1))


def test_what_a_package_must_hold_is_named() -> None:
    with pytest.raises(PackageError, match=r"app\.toml is missing"):
        package_of({f"{TOP}/__init__.py": b""})
    with pytest.raises(PackageError, match="no app manifest"):
        package_of({f"{TOP}/__init__.py": b"", f"{TOP}/app.toml": b"id = 1"})
    for content, why in (
        (b"\xff", "UTF-8"),
        (b"# " + b"x" * 70_000, "larger than"),
        (b"a = " + b"[" * 9_000, "no app"),
    ):
        with pytest.raises(PackageError, match=why):
            package_of({f"{TOP}/__init__.py": b"", f"{TOP}/app.toml": content})
    for version in (b"01.0.0", b"1.0", b"1.0.0-rc1", b"9999999.0.0", "１.0.0".encode()):
        with pytest.raises(PackageError, match="version"):
            package_of({**NEEDED, f"{TOP}/app.toml": MANIFEST.replace(b"1.0.0", version)})
    elsewhere = MANIFEST.replace(b"tundish_app_probe", b"tundish_app_other")
    with pytest.raises(PackageError, match="entry lies in"):
        package_of({f"{TOP}/__init__.py": b"", f"{TOP}/app.toml": elsewhere})
