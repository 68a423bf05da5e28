"""Amounts of CPU and memory: as Kubernetes writes them, and as numbers that can be compared."""

from __future__ import annotations

import math
from typing import Final

_MEBIBYTES: Final = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0}


def parse_cpu(amount: str) -> float:
    """1500 for `1500m` and for `1.5`: thousandths of a CPU."""
    return float(amount[:-1]) if amount.endswith("m") else float(amount) * 1000


def parse_memory(amount: str) -> float:
    """1024 for `1Gi`: MiB."""
    return float(amount[:-2]) * _MEBIBYTES[amount[-2:]]


def format_cpu(thousandths: float, step: int = 50) -> str:
    """At least so many thousandths of a CPU, in whole steps: `150m`, `2`."""
    amount = _up(thousandths, step)
    return f"{amount}m" if amount % 1000 else str(amount // 1000)


def format_memory(mebibytes: float, step: int = 32) -> str:
    """At least so many MiB, in whole steps: `192Mi`, `2Gi`."""
    amount = _up(mebibytes, step)
    return f"{amount}Mi" if amount % 1024 else f"{amount // 1024}Gi"


def _up(amount: float, step: int) -> int:
    return math.ceil(amount / step) * step
