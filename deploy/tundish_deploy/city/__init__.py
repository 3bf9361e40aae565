"""A made city: enterprises that join, climb, stall, cheat and leave, and the facts they leave by month."""

from tundish_deploy.city.life import City, Month, simulate
from tundish_deploy.city.loading import load_city
from tundish_deploy.city.tables import COUNTS, SHARES, facts, monthly, register

__all__ = ["COUNTS", "SHARES", "City", "Month", "facts", "load_city", "monthly", "register", "simulate"]
