"""`tundish app`: from an empty folder to an app that an enterprise runs, through a real server."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from typer.testing import CliRunner
from werkzeug.serving import make_server

from tundish_deploy.cli import app
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue
from tundish_platform.marketplace.publishing import ApprovedPackages, FetchedPackages, PackageFolder
from tundish_platform.marketplace.runner import Runner
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

PASSWORD = "a long password"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Shop:
    """A platform on loopback, a developer's folder, and the tokens of all who take part."""

    def __init__(self, folder: Path, url: str, tokens: dict[str, str]) -> None:
        self.folder, self.url, self.tokens = folder, url, tokens

    def client(self, who: str) -> Client:
        return Client(self.url, self.tokens[who], timeout=120)

    def operator(self) -> Client:
        """The operator in person, for whom the platform asks."""
        with Client(self.url, "none yet") as nobody:
            return Client(self.url, nobody.log_in("operator", PASSWORD)["session"])

    def say(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["app", *words])
        assert done.exit_code == code, done.output
        return done.output

    def sent(self, *words: str, code: int = 0) -> str:
        token = self.folder / "developer.token"
        token.write_text(self.tokens["developer"])
        to = ("--server", self.url, "--tenant", "acme", "--token-file", str(token))
        return self.say(*words, *to, code=code)


@pytest.fixture
def shop(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[Shop]:
    metadata = sqlite_at(tmp_path / "metadata.db")
    telemetry = Telemetry(tmp_path / "store", metadata)
    packages = PackageFolder(tmp_path / "apps")
    catalogue = Catalogue(packages=ApprovedPackages(metadata, packages))
    context = PlatformContext(metadata, telemetry, catalogue, packages=packages)
    with metadata.session() as session:
        for slug in ("acme", "steel"):
            create_tenant(session, slug, slug, slug)
        create_user(session, "operator", "op", PASSWORD, {}, [Role.PLATFORM_OPERATOR])
        roles = {
            "developer": {"acme": [Role.APP_DEVELOPER]}, "owner": {"steel": [Role.OWNER]},
            "collector": {"steel": [Role.COLLECTOR]}, "worker": {"steel": [Role.ANALYST]},
        }  # fmt: skip
        tokens = {who: create_token(session, who, grants) for who, grants in roles.items()}
    server = make_server("127.0.0.1", 0, create_app(context), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Shop(tmp_path, f"http://127.0.0.1:{server.server_port}", tokens)
    server.shutdown()
    thread.join(timeout=60)
    server.server_close()
    telemetry.close()
    metadata.close()


def press(shop: Shop) -> None:
    """Five pressures, one a second."""
    spec = SignalSpec(
        path="S/A/L/M/C/P", name_zh="压", name_en="P", semantic="pressure.oil", unit="bar", period_s=1
    )
    with shop.client("collector") as client:
        number = client.put_signals("steel", "opc", [spec])[spec.path]
        columns = [
            [number] * 5,
            [NOW + timedelta(seconds=n) for n in range(5)],
            [4.0, 4.4, 4.8, 5.2, 4.6],
            [0] * 5,
        ]
        schema = SCHEMAS[SampleKind.NUMERIC]
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        client.ingest("steel", [SampleBatch(SampleKind.NUMERIC, table, datetime.now(UTC))])


@pytest.mark.integration
def test_an_app_goes_from_an_empty_folder_to_a_subscriber(shop: Shop) -> None:
    place, key, archive = shop.folder / "limit-watch", shop.folder / "key.pem", shop.folder / "a.zip"
    shop.say("new", "limit-watch", "--publisher", "Acme", "--folder", str(shop.folder))
    tried = shop.say(
        "run", str(place), "--csv", str(place / "samples.csv"), "--set", "limit=4.3", "--lang", "en"
    )
    assert "share_above = 0.6" in tried
    shop.say("pack", str(place), "--to", str(archive))
    shop.say("keys", "new", str(key))
    assert key.stat().st_mode & 0o077 == 0
    shop.say("sign", str(archive), "--key", str(key))
    assert "waiting" in shop.sent("keys", "add", str(key), "--publisher", "Acme")
    assert "waits for the operator" in shop.sent("publish", str(archive), code=1)
    with shop.operator() as operator:
        (waiting,) = operator.keys_to_confirm()
        operator.confirm_signing_key(waiting["fingerprint"])
        assert "limit-watch 0.1.0: in_review" in shop.sent("publish", str(archive))
        press(shop)
        with shop.client("owner") as owner, shop.client("worker") as worker:
            with pytest.raises(ApiError, match="unknown_app"):
                owner.subscribe("steel", "limit-watch")
            (version,) = operator.versions_to_review()
            assert operator.archive_to_review(version["id"]) == archive.read_bytes()
            operator.decide_version(version["id"], "approve")
            owner.subscribe("steel", "limit-watch", {"limit": 4.5})
            packages = FetchedPackages(worker, PackageFolder(shop.folder / "worker"))
            (run,) = Runner(worker, Catalogue(), packages=packages).run_due("steel")
            assert (run.outcome, run.rows_in, run.isolation) == ("ok", 5, "bubblewrap")
            assert {5.2, 0.6} <= {row["value"] for row in owner.latest("steel")}
            operator.revoke_any_signing_key(version["key"], NOW - timedelta(days=1), "laptop stolen")
            assert owner.subscriptions("steel") == []
            assert Runner(worker, Catalogue(), packages=packages).run_due("steel") == []


def test_a_new_app_refuses_what_would_not_work(tmp_path: Path) -> None:
    for words in (
        ["Limit", "--publisher", "A"],
        ["x", "--publisher", "A", "--semantic", "moon.*"],
        ["x", "--publisher", 'A"'],
    ):
        done = CliRunner().invoke(app, ["app", "new", *words, "--folder", str(tmp_path)])
        assert done.exit_code == 1, words
    assert list(tmp_path.iterdir()) == []
