"""`make demo`: set-up, what to look at first, and running until Ctrl-C."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.panel import Panel

from tundish_deploy.demo.plan import BUREAU_LOGIN, OPERATOR_LOGIN, PLANTS
from tundish_deploy.demo.run import Demo, console
from tundish_deploy.up import wait_for_stop

if TYPE_CHECKING:
    from pathlib import Path


def run_demo(folder: Path, port: int, speed: float) -> None:
    """Set up what is missing, start everything, show where to look, and stop cleanly on Ctrl-C.

    Raises:
        StartError: a part did not come up; the message says which and where its log is.
    """
    demo = Demo(folder, port, speed)
    try:
        demo.prepare()
        demo.start_server()
        _show_logins(demo)
        demo.import_histories()
        demo.build_lines()
        demo.plan_shifts()
        demo.start_lines()
        demo.wait_for_results()
        _show_first_look(demo)
        wait_for_stop(threading.Event())
    except KeyboardInterrupt:
        console.print("中断 · interrupted")
    finally:
        demo.stop()
    console.print(f"再次启动将从此处继续 · the next start goes on from here ({demo.state.folder})")


def _show_logins(demo: Demo) -> None:
    who = {BUREAU_LOGIN: "工信局 · industry bureau", OPERATOR_LOGIN: "平台运营 · platform operator"}
    for plant in PLANTS:
        who[plant.manager] = f"{plant.name_zh} 厂长 · plant manager"
        who[plant.owner] = f"{plant.name_zh} 企业主 · owner"
    console.print(f"\n登录账号 · log-ins at {demo.settings.server.url}")
    # Not a table: a narrow terminal would cut passwords short.
    for login, password in demo.state.logins.items():
        console.print(f"  [bold]{login:<16}[/]{password:<20}{who.get(login, '')}", soft_wrap=True)
    console.print()


def _show_first_look(demo: Demo) -> None:
    url = demo.settings.server.url
    cylinder = PLANTS[0]
    console.print(
        Panel(
            f"1. {url} 以 [bold]{cylinder.manager}[/] 登录: 液压站四个部件的状态判断与依据\n"
            f"   log in as [bold]{cylinder.manager}[/]: condition of four components, with the evidence\n"
            f"2. 以 [bold]{cylinder.owner}[/] 登录: 订阅一个应用, 看它只读到了哪些信号\n"
            f"   log in as [bold]{cylinder.owner}[/]: subscribe to an app, see which signals it was granted\n"
            f"3. 以 [bold]{BUREAU_LOGIN}[/] 登录: 上云上平台数字及每一家的证据\n"
            f"   log in as [bold]{BUREAU_LOGIN}[/]: adoption figures, each with its evidence\n"
            f"日志 · logs: {demo.log_dir}    Ctrl-C 停止 · stops",
            title="先看什么 · what to look at first",
        )
    )
