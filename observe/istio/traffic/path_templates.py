"""Paths with placeholders: `/orders/{id}`, where `{id}` is one segment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from observe.model import Endpoint

_PLACEHOLDER: Final = re.compile(r"\{[^/}]*\}")


def placeholders(endpoint: Endpoint) -> int:
    return len(_PLACEHOLDER.findall(endpoint.path or ""))


def catches(template: Endpoint, other: Endpoint) -> bool:
    """Whether a template also matches requests of an operation with fewer placeholders."""
    if template.path is None or other.path is None or template.method != other.method:
        return False
    sample = _PLACEHOLDER.sub("x", other.path)
    return placeholders(template) > placeholders(other) and re.fullmatch(path_regex(template.path), sample) is not None


def path_regex(path: str) -> str:
    """A path as a regular expression of RE2 (and Python), where `{name}` is one segment."""
    return _PLACEHOLDER.sub("[^/]+", re.sub(r"\\([{}])", r"\1", re.escape(path)))
