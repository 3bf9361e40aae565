"""Hostile model files put in the place of a signed one: none may be unpacked, whatever it is."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import random
import shutil
import zipfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import skops.io
from sklearn.tree import DecisionTreeClassifier

from tundish_analytics.models.registry import ModelCard, Registry, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_TENANT, _LINE, _MODEL, _VERSION = "plant", "line", "model", "1"
_BLOCK: Final = 100
_FAR: Final = 2**30


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of hostile files.

    Attributes:
        tried: how many.
        refused: by the registry, in its own words.
        unpacked: that reached the reader of objects.
        unforeseen: that ended in another error than a refusal, by its name.
        ran: whose code ran.
        crashes: of the process that loads.
    """

    tried: int = 0
    refused: int = 0
    unpacked: int = 0
    unforeseen: tuple[str, ...] = ()
    ran: int = 0
    crashes: int = 0


def hostile_models(count: int, seed: int) -> Loaded:
    """Load so many hostile files as the worker does, in processes that may die."""
    blocks = [(min(_BLOCK, count - first), f"{seed}:{first}") for first in range(0, count, _BLOCK)]
    total = Loaded()
    for size, name in blocks:
        total = _sum(total, _apart(size, name))
    return total


def crafted_tree_harms() -> bool:
    """The control: a tree whose branches lead out of it ends the process that loads it and asks it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            pool.submit(_ask_crafted).result()
        except BrokenProcessPool:
            return True
    return False


def pickle_runs() -> bool:
    """The control: a pickle loaded plainly runs what its author wants."""
    with TemporaryDirectory() as name:
        canary = Path(name) / "ran"
        pickle.loads(pickle.dumps(_Touch(str(canary))))  # noqa: S301 - the control is that it runs
        return canary.exists()


def crafted_tree() -> bytes:
    """A model of allowed types whose tree points far behind its end."""
    tree = DecisionTreeClassifier(max_depth=2).fit(*_data())
    state = tree.tree_.__getstate__()
    for side in ("left_child", "right_child"):
        state["nodes"][side] = np.where(state["nodes"][side] >= 0, _FAR, state["nodes"][side])
    tree.tree_.__setstate__(state)
    return bytes(skops.io.dumps({"model": tree}))


class _Touch:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (self._place,)


def _data() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 3))
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def _ask_crafted() -> int:
    loaded = skops.io.loads(crafted_tree(), trusted=skops.io.get_untrusted_types(data=crafted_tree()))
    return int(loaded["model"].predict(_data()[0]).sum())


def _apart(size: int, seed: str) -> Loaded:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_block, size, seed).result()
        except BrokenProcessPool:
            return Loaded(size, crashes=1)


def _block(size: int, seed: str) -> Loaded:
    rng = random.Random(seed)  # noqa: S311 - a run that can be repeated
    with TemporaryDirectory() as name:
        canary, genuine, key = Path(name) / "ran", Path(name) / "genuine", Path(name) / "key"
        state = {"model": DecisionTreeClassifier(max_depth=2).fit(*_data())}
        Registry(genuine, key).store(_TENANT, _card(), state)
        tries = []
        for number in range(size):
            root = Path(shutil.copytree(genuine, Path(name) / f"models-{number}"))
            tries.append(_try(Registry(root, key), rng, canary))
        ran = int(canary.exists())
    refused = sum(found == "refused" for found, _ in tries)
    other = tuple(sorted({found for found, _ in tries if found != "refused"}))
    return Loaded(size, refused, sum(unpacked for _, unpacked in tries), other, ran)


def _try(registry: Registry, rng: random.Random, canary: Path) -> tuple[str, int]:
    folder = registry.place(_TENANT, _LINE, _MODEL).folder / _VERSION
    _spoil(folder, rng, canary)
    seen: list[int] = []
    kept = skops.io.loads

    def counted(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the library's
        seen.append(1)
        return kept(*arguments, **named)

    skops.io.loads = counted
    try:
        registry.load(_TENANT, _LINE, _MODEL)
    except RegistryError:
        return "refused", len(seen)
    except Exception as error:  # noqa: BLE001 - any other end is what the figure counts
        return type(error).__name__, len(seen)
    finally:
        skops.io.loads = kept
    return "loaded", len(seen)


def _spoil(folder: Path, rng: random.Random, canary: Path) -> None:
    """Put something hostile in the place of one of a version's files."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    model = max(files, key=lambda path: path.stat().st_size)
    kind = rng.randrange(len(_KINDS))
    target = rng.choice(files) if _KINDS[kind] in _ANY_FILE else model
    spoiled = _KINDS[kind](target.read_bytes(), rng, canary)
    target.write_bytes(spoiled)


def _cut(data: bytes, rng: random.Random, _canary: Path) -> bytes:
    return data[: rng.randrange(len(data))]


def _flipped(data: bytes, rng: random.Random, _canary: Path) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _longer(data: bytes, rng: random.Random, _canary: Path) -> bytes:
    return data + rng.randbytes(1 + rng.randrange(100))


def _pickled(_data: bytes, rng: random.Random, canary: Path) -> bytes:
    return pickle.dumps(_Touch(str(canary)), protocol=rng.randrange(6))


def _foreign(_data: bytes, rng: random.Random, _canary: Path) -> bytes:
    """A skops file that names a function of the system, in place of a type."""
    name = rng.choice(["system", "popen", "execv"])
    words = {"__class__": name, "__module__": "os", "__loader__": "TypeNode"}
    schema = {**words, "content": {"module": "os", "name": "system"}, "protocol": 2, "_skops_version": "0.11"}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as packed:
        packed.writestr("schema.json", str(schema).replace("'", '"'))
    return sink.getvalue()


def _bomb(_data: bytes, rng: random.Random, _canary: Path) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("schema.json", b" " * rng.randrange(2**20, 2**22))
    return sink.getvalue()


def _crafted(_data: bytes, _rng: random.Random, _canary: Path) -> bytes:
    return crafted_tree()


def _onnx_like(_data: bytes, rng: random.Random, _canary: Path) -> bytes:
    """An ONNX file's first fields, and nonsense: nothing here reads that format."""
    return b"\x08\x08\x12\x07pytorch\x1a" + rng.randbytes(rng.randrange(16, 4_096))


_KINDS: Final = (_cut, _flipped, _longer, _pickled, _foreign, _bomb, _crafted, _onnx_like)
_ANY_FILE: Final = (_cut, _flipped)


def _card() -> ModelCard:
    return ModelCard(
        model=_MODEL, line=_LINE, trained_from="2026-03-01T00:00:00Z", trained_to="2026-03-02T00:00:00Z",
        cases=64, features=("a", "b", "c"), protocol_zh="无", protocol_en="none", metrics={}, limits_zh="无",
        limits_en="none", version=_VERSION,
    )  # fmt: skip


def _sum(one: Loaded, other: Loaded) -> Loaded:
    return Loaded(
        one.tried + other.tried, one.refused + other.refused, one.unpacked + other.unpacked,
        tuple(sorted({*one.unforeseen, *other.unforeseen})), one.ran + other.ran, one.crashes + other.crashes,
    )  # fmt: skip
