"""An OpenID provider that insists on PKCE, in a process of its own; prints its port, ends with its input."""

from __future__ import annotations

import base64
import hashlib
import sys
import threading

import oidc_provider_mock
from flask import abort, request
from werkzeug.serving import make_server

PEOPLE = [
    oidc_provider_mock.User(sub="officer-1", claims={"name": "Officer", "groups": ["bureau", "unknown"]}),
    oidc_provider_mock.User(sub="stranger-1", claims={"name": "Stranger", "email": "owner", "groups": []}),
]
challenges: set[str] = set()
app = oidc_provider_mock.app(require_nonce=True, user_claims=PEOPLE)


@app.before_request
def insist_on_pkce() -> None:
    if request.path == "/oauth2/authorize":
        if request.args.get("code_challenge_method") != "S256":
            abort(400)
        challenges.add(request.args["code_challenge"])
    if request.path == "/oauth2/token":
        digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() not in challenges:
            abort(400)


server = make_server("localhost", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdout.write(f"{server.server_port}\n")
sys.stdout.flush()
sys.stdin.read()
