"""Everything that this program raises on purpose, and the exit code each branch ends with.

::

    ObserveError                  1
    ├── UsageError                2   wrong usage, or an input that cannot be read
    │   └── InventoryError        2   an inventory with errors; carries every finding
    └── TargetError               3   a live system refused, or could not be reached
        ├── Unreachable           3   no answer: network, DNS, TLS, time-out
        ├── Unauthorized          3   the credential is missing, wrong or expired
        ├── Forbidden             3   the credential is known, but may not do this
        └── Rejected              3   the system answered and said no to this content
            └── Conflict          3   somebody else owns what would be written

Exit code 0 means good, 1 findings or a failed gate, 4 partly published (some objects were written, others not).
No message ever holds a credential.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_TARGET = 3
EXIT_PARTLY = 4

LONGEST_BODY = 400
"""How many characters of a foreign answer a message quotes: enough for its reason, never a page of HTML."""


class ObserveError(Exception):
    """The root: whoever embeds this package catches this one."""

    exit_code: ClassVar[int] = EXIT_FINDINGS


class UsageError(ObserveError):
    """The command cannot be carried out as it was given."""

    exit_code: ClassVar[int] = EXIT_USAGE


class TargetError(ObserveError):
    """A live system refused, or could not be reached."""

    exit_code: ClassVar[int] = EXIT_TARGET


class Unreachable(TargetError):
    """No answer came."""


class Unauthorized(TargetError):
    """The credential is missing, wrong or expired: nothing else will work either."""


class Forbidden(TargetError):
    """The credential is known, but may not do this."""


class Rejected(TargetError):
    """The system answered, and said no to this content."""


class Conflict(Rejected):
    """Somebody else owns what would be written."""


def shorten(text: str, limit: int = LONGEST_BODY) -> str:
    """A foreign text on one line, cut to `limit` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
