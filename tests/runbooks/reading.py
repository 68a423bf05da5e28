"""Runbooks as somebody reads them: pages, anchors, links, and what is pasted from them."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from observe.alerting import drafts
from observe.graph import Graph
from observe.inventory import load
from observe.runbooks import runbooks
from observe.signals import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory

_FENCE = re.compile(r"(?P<says>[^\n]*(?:\n[^\n`]+)*)\n\n```(?P<language>\w+)\n(?P<code>.*?)\n```", re.DOTALL)
_SEPARATORS = {"|", ";", "&&", "||", "(", ")", "$", "do"}


@dataclass(frozen=True)
class Snippet:
    """Lines to paste, and the paragraph before them."""

    page: str
    says: str
    code: str


def pages(inventory: Inventory) -> dict[str, str]:
    """All pages by their path below `runbooks/`."""
    graph, signals = Graph(inventory), catalogue(inventory)
    made = list(runbooks(graph, signals, partial(drafts, graph, signals)))
    assert len({path for path, _ in made}) == len(made)
    return {path.removeprefix("runbooks/"): text for path, text in made}


@cache
def pages_of(path: str) -> dict[str, str]:
    return pages(load(path))


def snippets(found: dict[str, str], language: str) -> Iterator[Snippet]:
    for page, text in found.items():
        for match in _FENCE.finditer(text):
            if match["language"] == language:
                yield Snippet(page, match["says"], match["code"])


def anchors(text: str) -> list[str]:
    """The explicit ones; those that a renderer makes of headings are not relied on."""
    return re.findall(r'<a id="([^"]+)"></a>', text)


def links(page: str, text: str) -> Iterator[tuple[str, str]]:
    """Where its links to other runbooks lead: page and anchor."""
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page, anchor


def commands(code: str, program: str) -> Iterator[list[str]]:
    """The words of each call of a program, one line at a time: loops and groups have a command on each."""
    for line in code.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = [*lexer, ";"]
        begins = True
        for number, word in enumerate(words):
            if begins and word == program:
                end = next(at for at in range(number, len(words)) if words[at] in _SEPARATORS)
                yield words[number + 1 : end]
            begins = word in _SEPARATORS or word.endswith("$")
