"""The libraries of the extra `preview`, imported when they are needed: most runs of the program need none."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from observe.errors import UsageError

EXTRA: Final = "observe-mesh[preview]"


def require() -> None:
    """Raise UsageError where one of them is missing: better before hundreds of queries than after them."""
    markdown()
    _imported("plotly.offline")


def chart_library() -> str:
    """plotly.js, whole, as the Python package ships it. Raises UsageError where it is not installed."""
    return str(_imported("plotly.offline").get_plotlyjs())


@lru_cache(maxsize=1)
def markdown() -> Any:
    """A CommonMark parser with tables that writes tags as text and loads no pictures; raises UsageError as above."""
    parser = _imported("markdown_it").MarkdownIt("commonmark", {"html": False})
    return parser.enable("table").disable("image")


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0].replace("_", "-")
        raise UsageError(f"previews need {package}, which is not installed: run pip install '{EXTRA}'") from None
