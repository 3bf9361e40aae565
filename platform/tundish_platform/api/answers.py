"""Answers: JSON that any reader takes, and Arrow tables as streams."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import orjson
import pyarrow as pa
from flask import Response
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel
from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

ARROW_MIME: Final = "application/vnd.apache.arrow.stream"
BATCHES_MIME: Final = "application/vnd.tundish.batches"
_ROWS_A_CHUNK: Final = 65_536
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class JsonProvider(DefaultJSONProvider):
    """Times in ISO 8601 instead of Flask's HTTP dates, Chinese unescaped, keys in the order made.

    What comes in is refused where it is nested deeper than 200 levels: Python's own reader would end in a
    RecursionError, which Flask takes for a failure of ours.
    """

    ensure_ascii = False
    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ANN401 - whatever a view hands over
        """By orjson, in a tenth of the time; what it refuses, such as huge whole numbers, as Flask does."""
        try:
            return orjson.dumps(obj, self.default, _OPTIONS).decode()
        except TypeError:
            return super().dumps(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever somebody sent
        """What JSON says.

        Raises:
            ValueError: it is none, or nested too deeply, or says half a character.
        """
        del kwargs
        return from_json(s)

    @staticmethod
    def default(o: Any) -> Any:  # noqa: ANN401 - whatever a view hands over
        """Models, days and times; everything else as Flask does."""
        if isinstance(o, date):
            return o.isoformat()
        if isinstance(o, BaseModel):
            return o.model_dump(mode="json")
        if isinstance(o, tuple):
            # Named ones, which orjson leaves to us.
            return list(o)
        return DefaultJSONProvider.default(o)


def finite(value: Any) -> Any:  # noqa: ANN401 - any sample's value
    """The value, with NaN and infinities (which JSON does not have) as null, also inside arrays."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value


def json_rows(table: pa.Table) -> list[dict[str, Any]]:
    """A table as a list of rows that JSON can carry."""
    return [{name: finite(value) for name, value in row.items()} for row in table.to_pylist()]


def rows_as(table: pa.Table, form: str) -> Response | list[dict[str, Any]]:
    """A table as ``arrow`` or ``json``."""
    return arrow_stream(table) if form == "arrow" else json_rows(table)


def arrow_stream(table: pa.Table) -> Response:
    """A table as an Arrow IPC stream, sent piece by piece."""
    return Response(_pieces(table), mimetype=ARROW_MIME)


def download(chunks: Iterator[bytes], content_type: str, name: str) -> Response:
    """Bytes as a file to keep, sent as they are made.

    Args:
        chunks: of the file; the first is made at once, so that what fails there still answers with words.
        content_type: of the file.
        name: of the file, in ASCII.
    """
    first = next(chunks, b"")
    answer = Response(_led(first, chunks), content_type=content_type)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _led(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class _Sink:
    """Takes what the stream writer writes and hands it on; a file to pyarrow."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """There is nothing to give back."""

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _pieces(table: pa.Table) -> Iterator[bytes]:
    sink = _Sink()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_ROWS_A_CHUNK):
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()
