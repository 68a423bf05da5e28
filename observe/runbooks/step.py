"""What a runbook is made of: something to look at or to do, and the lines to paste for it."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Final, Literal

from observe.promql import keeping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.model import Mesh
    from observe.promql import Expr


QUESTION: Final = "**"
"""What the text of a step that is counted begins with."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to look at or to do."""

    says: str
    """What it is, and what its outcome means: Markdown, beginning with the question in bold."""
    code: str = ""
    """What is pasted; nothing is left to be filled in."""
    language: Literal["bash", "promql"] = "bash"
    changes: bool = False
    """Whether it changes something. Such commands stand apart: whole blocks are pasted at night."""

    @property
    def looks(self) -> bool:
        return bool(self.code) and not self.changes

    def __str__(self) -> str:
        return f"{self.says}\n\n```{self.language}\n{self.code}\n```" if self.code else self.says


def numbered(steps: Iterable[Step]) -> Iterator[str]:
    """Steps as Markdown; those that look at something are counted, in the order in which it pays to look."""
    number = 0
    for step in steps:
        if step.looks and step.says.startswith(QUESTION):
            number += 1
            yield f"{QUESTION}{number}. {str(step).removeprefix(QUESTION)}"
        else:
            yield str(step)


def run(says: str, *commands: str) -> Step:
    """Commands that only look."""
    return Step(prose(says), "\n".join(commands))


def ask(mesh: Mesh, says: str, query: Expr) -> Step:
    """A query for Prometheus, of one line; where there are several clusters, told apart by them as the records are."""
    label = mesh.prometheus.cluster_label
    return Step(prose(says), str(keeping(query, label) if label else query), "promql")


def change(says: str, *commands: str) -> Step:
    """Commands that change something."""
    return Step(f"**Changes something.** {prose(says)}", "\n".join(commands), changes=True)


def note(says: str) -> Step:
    """Words alone."""
    return Step(prose(says))


def prose(text: str) -> str:
    """Markdown as it stands in a module, without its indentation."""
    return cleandoc(text) if "\n" in text else text
