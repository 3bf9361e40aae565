"""Modbus TCP: polls registers and coils by groups of equal period."""

from tundish_connectors.modbus.config import ModbusConnection, Register
from tundish_connectors.modbus.connector import ModbusConnector

__all__ = ["ModbusConnection", "ModbusConnector", "Register"]
