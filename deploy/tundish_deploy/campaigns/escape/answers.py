"""What an app might hand back, and how a reader that trusts it fares: that is each one's control."""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.escape.columns import forged_columns
from tundish_platform.marketplace import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

_AT: Final = "2026-03-01T08:00:00Z"
_FORGED: Final = """
import gc, io
pipe = next(o for o in gc.get_objects() if isinstance(o, io.BufferedWriter) and o.fileno() > 2)
data = {data}
view = memoryview(data)
while view:
    view = view[os.write(pipe.fileno(), view):]
os._exit(0)
"""
_ENDLESS: Final = _FORGED.replace("os._exit(0)", "while True: os.write(pipe.fileno(), b'x' * 65536)")


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that an app sends straight to the pipe of its answer.

    Attributes:
        code: an expression of them, or of code to run.
        fares: whether a reader that trusts them is harmed; shown by doing it.
    """

    name: str
    code: str
    fares: Callable[[], bool]
    outcome: Outcome = Outcome.REFUSED

    @property
    def attempt(self) -> str:
        """Code of the app."""
        return (_ENDLESS if self.code == "b''" else _FORGED).format(data=self.code)


def _outputs(text: str) -> str:
    return f'{{"outputs": {text}}}'


def _value(value: str, output: str = "number", ts: str = _AT) -> str:
    return _outputs(f'{{"values": [{{"output": "{output}", "ts": "{ts}", "value": {value}}}]}}')


def _screen(block: str) -> str:
    return _outputs(f'{{"screen": {{"blocks": [{block}]}}}}')


def _taken(text: str) -> Callable[[], bool]:
    """A plain JSON reader takes it."""
    return lambda: json.loads(text) is not None


def _deep(text: str) -> Callable[[], bool]:
    def broke() -> bool:
        try:
            json.loads(text)
        except RecursionError:
            return True
        return False

    return broke


def _ran() -> bool:
    """A pickle runs what its author wants."""
    return bool(pickle.loads(_PICKLE) == len("ran"))  # noqa: S301 - the control is that it runs


_PICKLE: Final = b"cbuiltins\nlen\n(Vran\ntR."
_TEXTS: Final = {
    "a number that is none": _value("NaN"),
    "a number without end": _value("Infinity"),
    "a number too large for a float": _value("1e999"),
    "a whole number of four thousand digits": _value("9" * 4_000),
    "an output it never declared": _value("1", output="forged"),
    "a text where a number is declared": _value('"x"'),
    "a moment outside its window": _value("1", ts="2030-01-01T00:00:00Z"),
    "a moment before there were any": _value("1", ts="0001-01-01T00:00:00Z"),
    "a moment without a zone": _value("1", ts="2026-03-01T08:00:00"),
    "an object where a value is meant": _value('{"$gt": 0}'),
    "a list where a value is meant": _value("[1]"),
    "a field that nobody knows": _outputs('{"values": [], "command": "grant all"}'),
    "a screen of HTML": _screen('{"type": "html", "html": "<script>alert(1)</script>"}'),
    "a screen of Markdown": _screen('{"type": "markdown", "text": "[x](javascript:alert(1))"}'),
    "a screen with a link": _screen('{"type": "text", "text": {"zh": "x", "en": "x"}, "href": "http://x"}'),
    "a component of the pages": _screen('{"props": {"children": "x"}, "type": "Script", "namespace": "x"}'),
    "a picture from elsewhere": _screen('{"type": "image", "src": "http://x/?canary"}'),
    "a chart with a layout": _screen('{"type": "chart", "layout": {"images": []}}'),
    "an input it never declared as missing": _outputs('{"missing": ["password"]}'),
    "a list in place of an answer": "[1, 2, 3]",
    "a bare word": '"ok"',
}
_NESTED: Final = {
    "lists a hundred thousand deep": "'[' * 60_000",
    "objects a hundred thousand deep": "'{\"a\":' * 10_900",
    "a screen as deep": '\'{"outputs":{"screen":{"blocks":\' + \'[\' * 60_000',
}

ANSWERS: Final = (
    *(Answer(name, repr(text.encode()), _taken(text)) for name, text in _TEXTS.items()),
    *(
        Answer(name, f"({text}).encode()", _deep(eval(text)))  # noqa: S307 - the expressions above
        for name, text in _NESTED.items()
    ),
    Answer("a pickle", repr(_PICKLE), _ran),
    *(Answer(one.name, repr(one.answer), one.taken) for one in forged_columns()),
    Answer("more than its share", "b' ' * 70_000", lambda: sys.getsizeof(b" " * 70_000) > 2**16),
    Answer("an answer without end", "b''", lambda: True),
    Answer("text that is none", "b'\\xff\\xfe{}'", lambda: json.loads(b"\xff\xfe{\x00}\x00") == {}),
)
