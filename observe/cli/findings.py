"""Findings as a person or a program wants them."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TextIO

from observe.checks.finding import Finding, Severity
from observe.cli.output import Cell, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def as_data(finding: Finding) -> dict[str, Any]:
    """A finding for a program: stable keys, position as numbers."""
    position = finding.position
    return {
        "code": finding.code,
        "severity": finding.severity.title,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "subject": finding.subject,
        "problem": finding.problem,
        "remedy": finding.remedy,
        "silenced": finding.silenced,
    }


def print_findings(findings: Iterable[Finding], stream: TextIO) -> None:
    """The findings as a table."""
    print_table(("severity", "code", "where", "what is wrong, and the way out"), map(_row, findings), stream)


def _row(finding: Finding) -> tuple[Cell, ...]:
    severity = ("silenced", "dim") if finding.silenced else (finding.severity.title, COLOURS[finding.severity])
    says = f"{finding.subject} {finding.problem}; {finding.silenced or finding.remedy}"
    return (severity, finding.code, str(finding.position or "-"), says)


def summary(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`; silenced ones are counted apart."""
    counts = Counter("silenced" if finding.silenced else finding.severity.title for finding in findings)
    parts = [
        f"{counts[kind]} {kind}{'s' if counts[kind] != 1 and kind in ('error', 'warning') else ''}"
        for kind in ("error", "warning", "info", "silenced")
        if counts[kind]
    ]
    return ", ".join(parts) or "no findings"


def worst(findings: Iterable[Finding]) -> int:
    """The highest severity that is not silenced; 0 without any."""
    return max((finding.severity for finding in findings if not finding.silenced), default=0)


def report_on_stderr(findings: Sequence[Finding]) -> None:
    """Findings beside the actual output of a command."""
    if findings:
        print_findings(findings, sys.stderr)
