"""Verify a sealed document offline: ``python -m tundish_platform.sdk.verify FILE [FINGERPRINT]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tundish_platform.sdk.canonical import Broken, check_chain
from tundish_platform.sdk.sealed import DocumentRefused, open_sealed

if TYPE_CHECKING:
    from tundish_platform.sdk.sealed import Sealed

# Documents end with one line feed and are far smaller; what is larger is something else.
_LARGEST = 16 << 20


def verify_document(file: Path, key: str | None = None) -> Sealed:
    """Verify the file's seal, and where it holds a chain of entries, the chain and its head.

    Args:
        file: as it was handed over.
        key: fingerprint of the platform's key as you have it from elsewhere.

    Raises:
        DocumentRefused: says what is wrong.
    """
    try:
        if file.stat().st_size > _LARGEST:
            raise DocumentRefused("the file is too large for a document")
        data = file.read_bytes()
    except OSError as error:
        raise DocumentRefused(f"cannot be read: {error}") from error
    sealed = open_sealed(data, key)
    content = sealed.statement.content
    if "entries" in content:
        try:
            whole = check_chain(content["entries"]) == content.get("head")
        except (Broken, TypeError, AttributeError) as error:
            raise DocumentRefused(f"its entries are no unbroken chain: {error}") from error
        if not whole:
            raise DocumentRefused("its entries do not end at the head it names")
    return sealed


def told(sealed: Sealed, *, compared: bool) -> str:
    """What a verified document is, in words."""
    said = sealed.statement
    lines = [
        f"文件完好 / unchanged: {said.document} {said.subject}".rstrip(),
        f"企业 / enterprise: {said.enterprise} {said.uscc}".rstrip(),
        f"应用 / app: {said.app} {said.app_version}",
        f"签署时间 / sealed at: {said.made_at.isoformat()}",
        f"密钥指纹 / key: {sealed.key}",
    ]
    if "entries" in said.content:
        lines.insert(1, f"链上条目 / entries in the chain: {len(said.content['entries'])}")
    if not compared:
        lines.append(
            "请将密钥指纹与平台公布的核对,否则不能说明由谁签署。/ Compare the key with the one the platform "
            "publishes; without that, who sealed it is not proven."
        )
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Verify the file that is named; 0 where it is whole, 1 where it is not."""
    file, key = Path(arguments[0]), arguments[1] if len(arguments) > 1 else None
    try:
        sealed = verify_document(file, key)
    except DocumentRefused as error:
        sys.stdout.write(f"文件不可信 / not to be trusted: {error}\n")
        return 1
    sys.stdout.write(told(sealed, compared=key is not None))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
