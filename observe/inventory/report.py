"""The findings of one pass over the documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity

if TYPE_CHECKING:
    from observe.model import Position


@dataclass(slots=True)
class Report:
    """Collects errors; the same one is kept once."""

    _found: dict[Finding, None] = field(default_factory=dict)

    def add(self, position: Position | None, subject: str, code: str, problem: str, remedy: str) -> None:
        """Keep an error; `subject`, `problem` and `remedy` as in Finding."""
        self.keep(Finding(code, Severity.ERROR, position, subject, problem, remedy))

    def keep(self, *findings: Finding) -> None:
        """Keep what is a finding already."""
        self._found.update(dict.fromkeys(findings))

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._found)
