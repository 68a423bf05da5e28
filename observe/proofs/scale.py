"""Lengths of time, and how near to a limit a proof goes."""

from __future__ import annotations

from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
BELOW: Final = 0.9
ABOVE: Final = 1.1
"""Of a limit: nearer than a fifth, and further than windows of different Prometheus versions differ."""
