from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from tundish_deploy.logs import configure_logs
from tundish_deploy.redaction import HIDDEN, redact_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "tnd_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-x"
SECRET = "hunter2-hunter2"


@pytest.fixture
def loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_fields_named_like_secrets_are_hidden_at_any_depth() -> None:
    event = {
        "event": "connecting",
        "password": SECRET,
        "api_key": SECRET,
        "header": {"Authorization": f"Bearer {SECRET}", "Accept": "json"},
        "settings": [{"opc": {"private_key": SECRET, "port": 4840}}],
        "tokens": 5,
        "token_name": "collector",
    }
    shown = redact_secrets(None, "info", event)
    assert SECRET not in json.dumps(shown)
    assert shown["password"] == shown["api_key"] == HIDDEN
    assert shown["settings"] == [{"opc": {"private_key": HIDDEN, "port": 4840}}]
    assert (shown["tokens"], shown["token_name"]) == (5, "collector"), "not every such word is a secret"
    assert shown["header"]["Accept"] == "json"


@pytest.mark.parametrize(
    "text",
    [
        f"refused {TOKEN} from gateway",
        f"header was Authorization: Bearer {SECRET}",
        f"postgresql+psycopg://tundish:{SECRET}@db.example/tundish is down",
        f"login failed: user=a password={SECRET}",
        f'{{"token": {TOKEN}}}',
    ],
)
def test_secrets_inside_texts_are_hidden(text: str) -> None:
    shown = redact_secrets(None, "info", {"event": text})["event"]
    assert TOKEN not in shown
    assert SECRET not in shown
    assert HIDDEN in shown


def test_what_is_no_secret_stays_as_it_is() -> None:
    event = {
        "event": "sealed",
        "rows": 5,
        "url": "http://127.0.0.1:8050/api/v1?a=1",
        "none": None,
        "ok": True,
    }
    assert redact_secrets(None, "info", dict(event)) == event


def fail() -> None:
    raise RuntimeError(f"cannot reach http://user:{SECRET}@host with {TOKEN}")


@pytest.mark.usefixtures("loggers_as_before")
def test_lines_of_both_loggers_and_tracebacks_have_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO")
    structlog.get_logger("a").info("asked", authorization=f"Bearer {TOKEN}")
    logging.getLogger("b").warning("GET /x with %s", TOKEN)
    try:
        fail()
    except RuntimeError:
        structlog.get_logger("a").exception("failed")
    written = capsys.readouterr().err
    assert written.count("\n") >= 3
    assert "cannot reach" in written
    assert TOKEN not in written
    assert SECRET not in written
