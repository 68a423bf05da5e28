"""Mutants that nothing that is ever measured tells from the rule, each with the reason."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[str, str]] = {}
"""By the mutant's name."""


def equivalent(name: str) -> bool:
    return name in EQUIVALENT
