"""Documents to sections: the same thing in two places, what is unknown, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from observe.inventory.codes import DEFINED_TWICE, MISSING_KEY, UNKNOWN_KEY, WRONG_VALUE
from observe.inventory.messages import did_you_mean, dotted, show, suggest
from observe.inventory.sections import Sections
from observe.model import Service
from observe.model.service import DEFAULTABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.inventory.report import Report
    from observe.inventory.source import Document
    from observe.model import Path

SECTIONS: Final = ("mesh", "defaults", "services")
_FIELDS: Final = frozenset(item.name for item in fields(Service))


def merge(documents: Iterable[Document], report: Report) -> Sections:
    """The sections of all documents together."""
    sections = Sections(tuple(documents))
    for document in sections.documents:
        report.keep(*document.findings)
        sections.complete = sections.complete and document.readable
        if document.data is not None:
            _collect(document, sections, report)
    _keep_defaultable(sections, report)
    _report_missing(sections, report)
    return sections


def _collect(document: Document, sections: Sections, report: Report) -> None:
    """Take a document's sections."""
    if not isinstance(document.data, Mapping):
        problem, remedy = f"is {show(document.data)}, not a mapping", f"write the sections {', '.join(SECTIONS)}"
        report.add(document.position(()), "the inventory", WRONG_VALUE, problem, remedy)
        sections.complete = False
        return
    for section, value in document.data.items():
        place = document.position((section,))
        if section not in SECTIONS:
            remedy = did_you_mean(section, SECTIONS, "remove it")
            report.add(place, dotted((section,)), UNKNOWN_KEY, "is not a known key", remedy)
            sections.complete = sections.complete and not suggest(section, SECTIONS)
        elif not isinstance(value, Mapping):
            report.add(place, section, WRONG_VALUE, f"is {show(value)}, not a mapping", "write a mapping")
            sections.complete = False
        else:
            _take(document, section, value, sections, report)


def _take(document: Document, section: str, value: Mapping[str, Any], sections: Sections, report: Report) -> None:
    """Take a section; the same thing in two files is an error that names both."""
    for path, part in _parts(section, value):
        first = sections.take(document, path, part)
        if first is not document:
            problem = f"is defined in {_file_and_line(first, path)} too"
            report.add(document.position(path), dotted(path), DEFINED_TWICE, problem, "keep one of the two")


def _parts(section: str, value: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Files may share the services among them; mesh and defaults stand in one."""
    if section != "services":
        yield (section,), value
        return
    for key, service in value.items():
        yield (section, key), service


def _file_and_line(document: Document, path: Path) -> str:
    position = document.position(path)
    return f"{position.file}:{position.line}" if position else document.file


def _keep_defaultable(sections: Sections, report: Report) -> None:
    """Leave out of the defaults what each service must say for itself."""
    for key in [key for key in sections.defaults if key not in DEFAULTABLE]:
        close = None if key in _FIELDS else suggest(key, DEFAULTABLE)
        names = ", ".join(sorted(DEFAULTABLE))
        remedy = f"did you mean {close}?" if close else f"give it per service; defaults there are for {names}"
        path = ("defaults", key)
        report.add(sections.locate(path), dotted(path), UNKNOWN_KEY, "cannot have a default", remedy)
        sections.misspelt |= {path, ("defaults", close or key)}
        del sections.defaults[key]


def _report_missing(sections: Sections, report: Report) -> None:
    """Report sections that no file has, unless one of them could not be read."""
    if not sections.complete:
        return
    start = sections.locate(())
    if sections.mesh is None:
        remedy = "add the section, with name, istio_version and runbook_base_url"
        report.add(start, "mesh", MISSING_KEY, "is missing", remedy)
    if not sections.services:
        place = next((found for one in sections.documents if (found := one.position(("services",)))), start)
        report.add(place, "services", MISSING_KEY, "is missing or without any service", "declare at least one service")
