"""What a plain word of YAML means: YAML 1.2's core schema, and no more of it than an inventory needs.

PyYAML follows YAML 1.1, where `no` is false, `22:22` is 1342, `010` is 8 and `2026-01-01` is a date. Read that way, a
slip becomes another valid value without a word. Here all of these are text, as editors take them too, and the field
that wanted something else says so.
"""

from __future__ import annotations

import re
from typing import Final

WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NUMERIC: Final = frozenset("+-.0123456789")
LONGEST_NUMBER: Final = 400
"""Characters. Python itself refuses to read thousands of digits; nothing in an inventory has more than ten."""


def plain(text: str) -> str | int | float | bool | None:
    """The value of a word that stands without quotes and without a tag."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in _NUMERIC or len(text) > LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
