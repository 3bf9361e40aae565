"""The process an app runs in: window from standard input, limits on itself, app, outputs to standard output.

Started by the marketplace's sandbox as ``main(seconds, memory_mb, filter)``, or forked by
`tundish_platform.sdk.forkserver`; holds no token and no path.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import acero

from tundish_platform.sdk.confine import limit_calls, limit_resources, mapped_bytes, stand_back
from tundish_platform.sdk.landlock import limit_files, readable_places
from tundish_platform.sdk.screen import AppOutputs
from tundish_platform.sdk.wire import check_outputs, decode_inputs, encode_outputs

if TYPE_CHECKING:
    from tundish_platform.sdk.inputs import AppInputs


READY = b"\n"


def run_app(inputs: AppInputs) -> AppOutputs:
    """Import the manifest's entry point and call it.

    Raises:
        TypeError: it returned something other than `AppOutputs`.
        ContractError: the outputs are not what the manifest declares.
    """
    module, _, function = inputs.manifest.entry.partition(":")
    outputs = getattr(importlib.import_module(module), function)(inputs)
    if not isinstance(outputs, AppOutputs):
        raise TypeError(f"{inputs.manifest.entry} must return AppOutputs, not {type(outputs).__name__}")
    check_outputs(inputs, outputs)
    return outputs


def main(arguments: list[str]) -> None:
    """Read, confine, run, write; a failure ends the process with its traceback on standard error."""
    stand_back()
    seconds, memory_mb, filtered = float(arguments[0]), int(arguments[1]), arguments[2] == "filter"
    serve(seconds, memory_mb, mapped_bytes(), filtered=filtered)


def serve(seconds: float, memory_mb: int, mapped: int, *, filtered: bool) -> None:
    """As `main`, in a process that may have lost sight of ``/proc`` already.

    Args:
        seconds: the app's.
        memory_mb: the app's, above `mapped`.
        mapped: bytes that interpreter and libraries take.
        filtered: whether to forbid system calls.
    """
    # Before the first thread, for Landlock binds the thread that calls it and those it makes.
    limit_files(readable_places())
    _start_threads()
    inputs = decode_inputs(sys.stdin.buffer.read())
    # The app may print: its words go to standard error, so that standard output carries the answer alone.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_resources(seconds, memory_mb, mapped)
    if filtered:
        limit_calls()
    # White space is no part of the answer; it tells the sandbox that the app's own time begins.
    answer.write(READY)
    answer.flush()
    answer.write(encode_outputs(run_app(inputs)))
    answer.flush()


def _start_threads() -> None:
    """Let Arrow make the two threads it works with, because none can be made later."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    # Lists of Python's would make Arrow look for pandas, and load it.
    table = pa.Table.from_arrays([pa.nulls(1), pa.nulls(1)], names=["a", "b"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    pa.ipc.open_stream(sink.getvalue()).read_all()
    source = acero.Declaration("table_source", acero.TableSourceNodeOptions(table))
    source.to_table(use_threads=True)
