"""The demonstration from set-up to stop, with its progress visible."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import tomli_w
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tundish_connectors.delivery import HttpDelivery
from tundish_connectors.files import deliver
from tundish_connectors.replay import history_batches, starting_position
from tundish_deploy.demo.accounts import make_accounts
from tundish_deploy.demo.layout import demo_settings, make_secrets, replay_config
from tundish_deploy.demo.plan import PLANTS, SHIFTS
from tundish_deploy.demo.state import DemoState
from tundish_deploy.lines import delivery
from tundish_deploy.secrets import private_file
from tundish_deploy.supervisor import Supervisor
from tundish_deploy.up import StartError, job_parts, line_parts, server_parts, store_parts, wait_for_server
from tundish_platform.samples.kits import kit
from tundish_platform.sdk.client import ApiError, Client

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_deploy.demo.plan import DemoPlant

console = Console(highlight=False)

_FIRST_RESULTS_S = 300.0
# A sample that arrived this recently shows that the line is live.
_LIVE = timedelta(seconds=20)


class Demo:
    """One run of the demonstration.

    Args:
        folder: its state; a folder that exists already is gone on with.
        port: of the web server.
        speed: seconds of recording per second.
    """

    def __init__(self, folder: Path, port: int, speed: float) -> None:
        self.state = DemoState.open(folder.resolve(), speed)
        self.settings = demo_settings(self.state, port)
        self.log_dir = self.state.folder / "logs"
        self.supervisor = Supervisor(self.log_dir, self._tell)
        self._quiet = False

    def prepare(self) -> None:
        """Accounts, certificates and the settings file; what exists already stays.

        Raises:
            StartError: somebody else, such as another demonstration, has a port that is needed.
        """
        self._require_ports()
        make_secrets(self.state)
        if not self.state.accounts:
            with console.status("账号与令牌 · making accounts and tokens"):
                self.settings.data_dir.mkdir(parents=True, exist_ok=True)
                make_accounts(self.state, self.settings.database)
        plain = self.settings.model_dump(mode="json", exclude_none=True)
        private_file(self.state.settings_file, tomli_w.dumps(plain))
        console.print("[green]✓[/] 账号、证书、配置就绪 · accounts, certificates and settings are ready")

    def start_server(self) -> None:
        """Start API and pages and wait until they answer."""
        file = self.state.settings_file
        for part in store_parts(self.settings, file) + server_parts(self.settings, file):
            self.supervisor.start(part)
        with console.status("启动服务 · starting the server"):
            wait_for_server(self.supervisor, self.settings, self.log_dir)
        console.print(f"[green]✓[/] 服务已启动 · the server answers at {self.settings.server.url}")

    def import_histories(self) -> None:
        """Bring each recording's history into the store, once; a cut-off import is done again."""
        for plant, connection in zip(PLANTS, self.settings.connection, strict=True):
            if plant.kit in self.state.imported:
                continue
            v0 = starting_position(replay_config(self.state, plant)).v0
            target = HttpDelivery(delivery(self.settings, connection))
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            with Progress(*columns, console=console, transient=True) as progress:
                task = progress.add_task(f"导入历史 · importing history of {plant.kit}")
                report = deliver(
                    f"import:{plant.kit}",
                    kit(plant.kit).specs(),
                    history_batches(plant.kit, v0),
                    target,
                    partial(_show_rows, progress, task, plant.kit),
                )
            target.close()
            self.state.imported[plant.kit] = v0.isoformat()
            self.state.save()
            console.print(f"[green]✓[/] 历史已入库 · history stored: {plant.kit}, {report.rows:,} samples")

    def build_lines(self) -> None:
        """Name the equipment and set the alarm rules as each kit says; done again it changes nothing."""
        rules = 0
        for plant in PLANTS:
            with self.client(f"check-{plant.slug}") as client:
                rules += len(client.build_kit(plant.slug, plant.kit, apply=True)["rules"])
        console.print(
            f"[green]✓[/] 设备与 {rules} 条报警规则就绪 · equipment and {rules} alarm rules are set"
        )

    def plan_shifts(self) -> None:
        """Give each line two shifts of twelve hours; a plan that somebody changed since stays."""
        for plant in PLANTS:
            with self.client(f"check-{plant.slug}") as client:
                if not client.shift_plans(plant.slug):
                    client.set_shift_plan(plant.slug, {"path": kit(plant.kit).line, **SHIFTS, **plant.pace})
        console.print("[green]✓[/] 班次已排 · shifts are planned")

    def start_lines(self) -> None:
        """Start replay servers, connectors, the analytics worker and the app runner."""
        for part in line_parts(self.settings, self.state.settings_file):
            self.supervisor.start(part)
        for part in job_parts(self.settings, self.state.settings_file):
            self.supervisor.start(part)
        console.print("[green]✓[/] 三条产线开始回放与采集 · three lines are being played and collected")

    def live_start(self, plant: DemoPlant) -> datetime:
        """Source time at which the live part of a plant's recording begins."""
        return datetime.fromisoformat(self.state.imported[plant.kit])

    def client(self, service: str) -> Client:
        """The public API with the token of one of the demonstration's services."""
        text = self.state.secret(f"{service}.token").read_text("utf-8")
        return Client(self.settings.server.url, text)

    def wait_for_results(self, seconds: float = _FIRST_RESULTS_S) -> None:
        """Wait until every line has live samples and predictions.

        Raises:
            StartError: something did not come in time; the message names it.
        """
        deadline = time.monotonic() + seconds
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress, self.client("worker") as client:
            task = progress.add_task("等待数据与预测 · waiting for samples and predictions")
            while True:
                missing = self._missing(client)
                if not missing:
                    break
                if time.monotonic() > deadline:
                    raise StartError(
                        f"After {seconds:.0f} s nothing of: {', '.join(missing)}. See {self.log_dir}."
                    )
                progress.update(task, description="训练与采集中 · waiting for: " + ", ".join(missing))
                time.sleep(1)
        console.print("[green]✓[/] 数据与预测已到 · samples and predictions arrive on all lines")

    def _require_ports(self) -> None:
        """Without them a part would start and fail again and again, and only its log would say why."""
        wanted = {plant.kit: plant.port for plant in PLANTS} | {"server": self.settings.server.port}
        taken = [f"{port} ({part})" for part, port in wanted.items() if not _free(port)]
        if taken:
            raise StartError(
                f"端口已被占用: {', '.join(taken)}; 是否已有一个演示在运行? "
                f"These ports are in use: {', '.join(taken)}. Does another demonstration run? Stop it first."
            )

    def _missing(self, client: Client) -> list[str]:
        missing = []
        for plant in PLANTS:
            try:
                live = _live_samples(client, plant.slug)
                predicted = any(client.predictions(plant.slug))
            except ApiError:
                live = predicted = False
            missing += [f"{plant.kit} samples"] * (not live) + [f"{plant.kit} predictions"] * (not predicted)
        return missing

    def stop(self) -> None:
        """Stop all parts, the last started first."""
        self._quiet = True
        with console.status("正在停止 · stopping"):
            self.supervisor.stop()
        console.print("[green]✓[/] 已全部停止 · everything is stopped")

    def _tell(self, name: str, event: str) -> None:
        if not self._quiet and event.startswith("ended"):
            console.print(f"[yellow]![/] {name}: {event}, {self.log_dir / name}.log")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what a connection of the last run left behind does not stand in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _show_rows(progress: Progress, task: TaskID, kit_id: str, rows: int) -> None:
    progress.update(task, description=f"导入历史 · importing history of {kit_id}: {rows:,} samples")


def _live_samples(client: Client, tenant: str) -> bool:
    sources = {signal.id: signal.source for signal in client.signals(tenant)}
    now = datetime.now(UTC)
    return any(
        not sources.get(row["signal"], "import:").startswith(("import:", "model:", "app:"))
        and now - datetime.fromisoformat(row["arrival"]) < _LIVE
        for row in client.latest(tenant)
    )
