"""The parts of a general page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guide:
    """What is true of an alert, whatever service it is about. All of it is Markdown."""

    meaning: str
    """What is the matter, and what counts as it."""
    impact: str
    """Who notices, and what."""
    misleads: str
    """When it is quiet although something is wrong, or fires although nothing is."""
    now: str
    """What ends the harm."""
    later: str
    """What keeps it from coming again."""
