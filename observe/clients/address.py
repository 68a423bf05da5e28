"""What addresses and credentials must be like, for whatever HTTP server they are meant for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from urllib.parse import SplitResult

SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
"""What may stand in a header as one word, such as a token; the HTTP library would quote others in its errors."""


def is_base_address(parts: SplitResult) -> bool:
    """Whether paths can be put behind it. Raises ValueError for a port that is none."""
    usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return usable and not parts.query and not parts.fragment


def half_set(user_variable: str, password_variable: str, user: str) -> str:
    """What to say where only one of the two variables is set."""
    there, missing = (user_variable, password_variable) if user else (password_variable, user_variable)
    return f"{missing} is not set, though {there} is: set both"
