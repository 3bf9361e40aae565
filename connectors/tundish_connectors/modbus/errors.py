"""What Modbus errors mean for a person and for going on."""

from __future__ import annotations

from typing import Final

from tundish_connectors.connector import ConnectorError, ErrorKind

# Exception code of the protocol → OPC UA status of the samples, reason in both languages.
_EXCEPTIONS: Final = {
    1: (
        0x800B0000,
        "the device does not know this function; check the table / 设备不支持该功能码,请检查表类型",
    ),
    2: (0x80340000, "the device has no such address; check the register map / 设备无此地址,请检查寄存器表"),
    3: (0x803C0000, "the device refuses this count; lower largest_read / 设备拒绝该数量,请减小 largest_read"),
    4: (0x808B0000, "the device reports a failure of its own / 设备报告内部故障"),
    6: (0x80020000, "the device is busy / 设备忙"),
    10: (0x80310000, "the gateway has no path to the device / 网关无到该设备的路径"),
    11: (0x80310000, "the device behind the gateway does not answer / 网关后的设备无应答"),
}
_OTHER: Final = (0x80000000, "the device refused the request / 设备拒绝请求")


def status_of(code: int) -> int:
    """OPC UA status code of a Modbus exception."""
    return _EXCEPTIONS.get(code, _OTHER)[0]


def reason_of(code: int) -> str:
    """What a Modbus exception means, in both languages."""
    return f"{_EXCEPTIONS.get(code, _OTHER)[1]} (Modbus exception {code})"


def unreachable(host: str, port: int, reason: str) -> ConnectorError:
    """The device does not answer."""
    return ConnectorError(
        ErrorKind.RETRY,
        f"The Modbus device at {host}:{port} does not answer ({reason}). It is tried again. Check power, "
        "network, address and whether another master holds its only connection.",
        f"Modbus 设备 {host}:{port} 无应答({reason}),将自动重试。请检查电源、网络、地址,"
        "以及是否有其他主站占用了它唯一的连接。",
    )
