"""Chooses how to talk to a server from what it offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_connectors.opcua.endpoints import Offer

# Best first. Basic128Rsa15 and Basic256 are broken and withdrawn, so they are not among them.
_POLICIES = ("Aes256Sha256RsaPss", "Aes128Sha256RsaOaep", "Basic256Sha256")
_MODES = ("SignAndEncrypt", "Sign")
_SPELLINGS = {"Aes256_Sha256_RsaPss": "Aes256Sha256RsaPss", "Aes128_Sha256_RsaOaep": "Aes128Sha256RsaOaep"}


def plain_name(policy: str) -> str:
    """A policy's name as configurations write it: the standard's underscores left out."""
    return _SPELLINGS.get(policy, policy)


def best_offer(offers: Iterable[Offer]) -> Offer | None:
    """The strongest endpoint; encrypted before only signed, and never one in clear text by itself."""
    usable = [one for one in offers if plain_name(one.policy) in _POLICIES and one.mode in _MODES]
    return min(
        usable,
        key=lambda one: (_MODES.index(one.mode), _POLICIES.index(plain_name(one.policy))),
        default=None,
    )
