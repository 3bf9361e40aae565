"""The text that travels with a takeout, for whoever opens it years later and never saw this program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_TEXT = """\
Data of tenant {slug}, taken {when} UTC. Everything is plain Parquet, CSV and JSON.
租户 {slug} 的数据, 导出时间 {when} UTC。全部为通用的 Parquet、CSV 和 JSON 文件。

Read it (Python with pandas and pyarrow) / 读取方法 (Python, pandas 与 pyarrow):

    import pandas as pd
    signals = pd.read_csv("signals.csv").set_index("id")
    samples = pd.read_parquet("numeric")          # or one month: numeric/2026-03.parquet
    samples["path"] = samples["signal"].map(signals["path"])

Files / 文件:

  signals.csv           the signals: id, path, names, unit, limits, period
                        信号: 编号、路径、名称、单位、量程、周期
  numeric/ integer/ text/ array/
                        samples by month of source time, sorted by signal and ts within each day; each
                        (signal, ts) once, the value written last
                        采样值, 按源时间分月, 每日内按信号和时间排序; 同一信号同一时间只保留最后写入的值
  gap/                  when nothing is known of a signal, and why: from ts (included) to end (excluded)
                        数据缺口及原因: 从 ts (含) 到 end (不含)
  rollup-60s/ rollup-3600s/
                        days whose raw samples retention has removed: one row per signal and minute or hour
                        原始数据已按保留策略删除的日期: 每信号每分钟或每小时一行汇总
  removed.csv           what retention removed (level raw, 60, 3600), and rows that came too late (level late)
                        按保留策略删除的内容, 以及过晚到达而未接收的行 (late)
  manifest.json         all files with size, SHA-256 and rows; written last: without it the takeout is torn;
                        "damaged" names files of the platform that could not be read and are missing here
                        全部文件的大小、SHA-256 与行数; 最后写入, 缺失则导出不完整;
                        damaged 为无法读取而缺失的文件

Columns / 列:

  signal    number of the signal, see signals.csv / 信号编号
  ts        source time, UTC, microseconds / 源时间
  value     number, whole number, text, or list of numbers; empty where the source sent a status without one
            数值、整数、文本或数组; 源端只发送状态时为空
  status    OPC UA StatusCode; status // 2**30: 0 good, 1 uncertain, 2 bad / 状态码: 0 好, 1 不确定, 2 坏
  arrival   when the platform received it, UTC / 平台接收时间
  live      false for imported history / 历史导入为 false

Rollup columns / 汇总列: ts is the start of the minute or hour; first, low, high, worst, last samples as
<mark>_us (microseconds behind ts), <mark>_value, <mark>_status, low and high of those that are not bad;
good_first, good_low, good_high, good_last: values of good samples; count, good, uncertain samples; total: sum
of good values; held: integral of the held value, line: of straight lines between good samples, both in value
times microseconds over good_us; max_step_us: longest time between neighbours.
ts 为分钟或小时起点; first/low/high/worst/last 为对应采样 (low/high 不含坏值);
good_first/good_low/good_high/good_last 为好值; total 为好值之和; held 与 line 为积分 (值×微秒);
good_us 为好数据时长; max_step_us 为相邻采样最长间隔。
"""


def readme(slug: str, when: datetime) -> str:
    """The text in both languages."""
    return _TEXT.format(slug=slug, when=f"{when:%Y-%m-%d %H:%M:%S}")
