"""The codes of what keeps an inventory from being read; the other findings are in `observe.checks`."""

from __future__ import annotations

from typing import Final

UNREADABLE: Final = "OBS001"
DUPLICATE_KEY: Final = "OBS002"
UNKNOWN_KEY: Final = "OBS003"
MISSING_KEY: Final = "OBS004"
WRONG_VALUE: Final = "OBS005"
DEFINED_TWICE: Final = "OBS006"
UNKNOWN_CALLEE: Final = "OBS101"

LOADER_CODES: Final = {
    UNREADABLE: "The file cannot be read as YAML",
    DUPLICATE_KEY: "A key is there twice",
    UNKNOWN_KEY: "A key is not known",
    MISSING_KEY: "A required key is missing",
    WRONG_VALUE: "A value is not what it must be",
    DEFINED_TWICE: "Something is defined in two places",
    UNKNOWN_CALLEE: "A call goes to a service that is not in the inventory",
}
"""Code to title."""
