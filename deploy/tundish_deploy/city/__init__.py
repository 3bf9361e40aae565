"""A made city: enterprises that join, climb, stall, cheat and leave, and the facts they leave by month."""

from tundish_deploy.city.life import City, Month, simulate
from tundish_deploy.city.tables import COUNTS, SHARES, facts, monthly, register

__all__ = ["COUNTS", "SHARES", "City", "Month", "facts", "monthly", "register", "simulate"]
