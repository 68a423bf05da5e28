"""From files to an Inventory."""

from observe.inventory.codes import LOADER_CODES
from observe.inventory.load import InventoryError, load, parse
from observe.inventory.schema import json_schema

__all__ = ["LOADER_CODES", "InventoryError", "json_schema", "load", "parse"]
