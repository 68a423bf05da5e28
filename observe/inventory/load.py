"""Files to an Inventory: every error in one pass, each with its place and the way out."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from observe import checks
from observe.checks.finding import Finding, Severity
from observe.errors import UsageError
from observe.inventory.files import texts_at
from observe.inventory.merge import merge
from observe.inventory.references import References
from observe.inventory.report import Report
from observe.inventory.source import read
from observe.inventory.validate import stand_in, validate_mesh, validate_services
from observe.model import Inventory

if TYPE_CHECKING:
    from collections.abc import Iterable


class InventoryError(UsageError):
    """The inventory has errors; nothing was written."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        errors = sum(finding.severity is Severity.ERROR and not finding.silenced for finding in findings)
        super().__init__(f"the inventory has {errors} error{'s' if errors != 1 else ''}")
        self.findings = findings


def load(path: str) -> Inventory:
    """The inventory in a file, in the `*.yaml` and `*.yml` files of a directory, or on standard input (`-`).

    Raises InventoryError with every finding, UsageError when there is nothing to read.
    """
    return parse(texts_at(path), date.today())


def parse(texts: Iterable[tuple[str, str]], day: date | None = None) -> Inventory:
    """The inventory in texts, given as pairs of file name and content, as of `day`; raises InventoryError.

    The error holds the findings of the checks too, as far as they can be told: all of it is mended in one go.
    """
    report = Report()
    sections = merge((read(file, text) for file, text in texts), report)
    mesh = validate_mesh(sections, report)
    services, keys = References(sections, validate_services(sections, report), report).resolve()
    if mesh and not report.findings:
        return Inventory(mesh, services, sections.locate, sections.place, keys, day)
    known = mesh or stand_in(sections)
    if known and sections.complete:
        report.keep(*checks.over_inventory(Inventory(known, services, sections.locate, sections.place, keys, day)))
    raise InventoryError(tuple(sorted(report.findings, key=lambda finding: finding.order)))
