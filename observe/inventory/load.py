"""Files to an Inventory: every error in one pass, each with its place and the way out."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from observe import checks
from observe.checks.finding import Finding, Severity
from observe.errors import UsageError
from observe.inventory.messages import MISSING_KEY, UNKNOWN_KEY, WRONG_VALUE, dotted, explain, show, suggest
from observe.inventory.source import DUPLICATE_KEY, UNREADABLE, Document, nearest, read
from observe.model import Inventory, Mesh, Path, Position, Service
from observe.model.service import DEFAULTABLE

DEFINED_TWICE: Final = "OBS006"
UNKNOWN_CALLEE: Final = "OBS101"
LOADER_CODES: Final = {
    UNREADABLE: "The file cannot be read as YAML",
    DUPLICATE_KEY: "A key is there twice",
    UNKNOWN_KEY: "A key is not known",
    MISSING_KEY: "A required key is missing",
    WRONG_VALUE: "A value is not what it must be",
    DEFINED_TWICE: "Something is defined in two places",
    UNKNOWN_CALLEE: "A call goes to a service that is not in the inventory",
}
"""The findings that keep an inventory from being read at all; the others are in `observe.checks`."""

SECTIONS: Final = ("mesh", "defaults", "services")
STDIN: Final = "-"


class InventoryError(UsageError):
    """The inventory has errors; nothing was written."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        super().__init__(f"the inventory has {errors} error{'s' if errors != 1 else ''}")
        self.findings = findings


def load(path: str) -> Inventory:
    """The inventory in a file, in the `*.yaml` and `*.yml` files of a directory, or on standard input (`-`).

    Raises InventoryError with every finding, UsageError when there is nothing to read.
    """
    return parse(_texts(path))


def parse(texts: Iterable[tuple[str, str]]) -> Inventory:
    """The inventory in texts, given as pairs of file name and content; raises InventoryError."""
    loading = _Loading([read(file, text) for file, text in texts])
    inventory = loading.inventory()
    if loading.findings:
        found = [*loading.findings, *(checks.over_inventory(inventory) if inventory else ())]
        raise InventoryError(tuple(sorted(set(found), key=lambda finding: finding.order)))
    assert inventory is not None  # noqa: S101 - without findings there is a mesh
    return inventory


def _texts(path: str) -> Iterator[tuple[str, str]]:
    if path == STDIN:
        yield "<stdin>", sys.stdin.read()
        return
    root = FilePath(path)
    if not root.exists():
        raise UsageError(f"there is no inventory at {path}; give a file, a directory or - with --inventory")
    files = sorted(_inventory_files(root)) if root.is_dir() else [root]
    if not files:
        raise UsageError(f"the directory {path} holds no *.yaml or *.yml file; an inventory has at least one")
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from error


def _inventory_files(root: FilePath) -> Iterator[FilePath]:
    for file in root.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if file.suffix in (".yaml", ".yml") and file.is_file() and not hidden:
            yield file


@cache
def adapter(model: type) -> TypeAdapter[Any]:
    """Validates mappings of `model`; unknown keys are errors all the way down."""
    return TypeAdapter(dict[str, model], config=ConfigDict(extra="forbid"))  # type: ignore[valid-type]


@dataclass
class _Loading:
    """One pass over the documents."""

    documents: list[Document]
    findings: list[Finding] = field(default_factory=list)
    home: dict[Path, Document] = field(default_factory=dict)
    """Which document each section and each service came from."""
    raw: dict[str, dict[str, Any]] = field(default_factory=lambda: {"mesh": {}, "defaults": {}, "services": {}})

    def inventory(self) -> Inventory | None:
        """What could be read: complete when there are no findings, otherwise the valid part of it."""
        for document in self.documents:
            self.findings += document.findings
            if document.data is not None:
                self._collect(document)
        self._check_defaults()
        mesh, services = self._mesh(), self._services()
        if not self.raw["services"] and not self.findings:
            self._report(MISSING_KEY, (), "services", "is missing", "add at least one service")
        resolved, keys = self._resolve(services)
        if mesh is None:
            return None
        ordered = tuple(sorted(resolved, key=lambda service: (service.namespace, service.name)))
        return Inventory(mesh, ordered, self.locate, keys)

    def locate(self, path: Path) -> Position | None:
        """Where a value stands; where its nearest parent stands when it came from defaults or is missing."""
        for candidate in nearest(path):
            if candidate[:1] == ("services",) and len(candidate) > 2 and candidate[2] in DEFAULTABLE:
                default = ("defaults", *candidate[2:])
                choices = [candidate, default]
            else:
                choices = [candidate]
            for choice in choices:
                document = self.home.get(choice[:2]) or self.home.get(choice[:1])
                if document and choice in document.positions:
                    line, column = document.positions[choice]
                    return Position(document.file, line + 1, column + 1)
        return Position(self.documents[0].file, 1, 1) if self.documents else None

    def _report(self, code: str, path: Path, subject: str, problem: str, remedy: str) -> None:
        finding = Finding(code, Severity.ERROR, self.locate(path), subject, problem, remedy)
        if finding not in self.findings:
            self.findings.append(finding)

    def _report_at(self, document: Document, path: Path, code: str, problem: str, remedy: str) -> None:
        line, column = document.positions.get(path, (0, 0))
        position = Position(document.file, line + 1, column + 1)
        self.findings.append(Finding(code, Severity.ERROR, position, dotted(path), problem, remedy))

    def _collect(self, document: Document) -> None:
        """Take a document's sections; the same thing in two files is an error that names both."""
        if not isinstance(document.data, dict):
            problem = f"is {show(document.data)}, not a mapping"
            self._report_at(document, (), WRONG_VALUE, problem, f"write the sections {', '.join(SECTIONS)}")
            return
        for section, value in document.data.items():
            if section not in SECTIONS:
                close = suggest(section, SECTIONS)
                remedy = f"did you mean {close}?" if close else f"remove it; known are {', '.join(SECTIONS)}"
                self._report_at(document, (section,), UNKNOWN_KEY, "is not a known key", remedy)
            elif not isinstance(value, dict):
                self._report_at(document, (section,), WRONG_VALUE, f"is {show(value)}, not a mapping", "write a mapping")
            elif section == "services":
                for key, service in value.items():
                    self._take(document, (section, key), key, service)
            else:
                self._take(document, (section,), section, value)

    def _take(self, document: Document, path: Path, name: str, value: Any) -> None:
        first = self.home.setdefault(path, document)
        if first is document:
            self.raw[path[0] if isinstance(path[0], str) else ""][name] = value
        else:
            line = first.positions[path][0] + 1
            self._report_at(document, path, DEFINED_TWICE, f"is defined in {first.file}:{line} too", "keep one of the two")

    def _check_defaults(self) -> None:
        defaults = self.raw["defaults"].get("defaults", {})
        for key in [key for key in defaults if key not in DEFAULTABLE]:
            close = suggest(key, DEFAULTABLE)
            remedy = f"did you mean {close}?" if close else f"give it per service; defaults are {', '.join(sorted(DEFAULTABLE))}"
            self._report(UNKNOWN_KEY, ("defaults", key), f"defaults.{key}", "cannot have a default", remedy)
        self.raw["defaults"] = {key: value for key, value in defaults.items() if key in DEFAULTABLE}

    def _mesh(self) -> Mesh | None:
        if "mesh" not in self.raw["mesh"]:
            if not any(finding.code == UNREADABLE for finding in self.findings):
                self._report(MISSING_KEY, (), "mesh", "is missing", "add the mesh section with name, istio_version and runbook_base_url")
            return None
        found: Mesh | None = self._validate(Mesh, ("mesh",), self.raw["mesh"]["mesh"])
        return found

    def _services(self) -> dict[str, Service]:
        """The valid services by key. All are validated in one call, and one by one only when something is wrong."""
        merged = {key: self._merged(key, raw) for key, raw in self.raw["services"].items()}
        complete = {key: value for key, value in merged.items() if value is not None}
        try:
            whole: dict[str, Service] = adapter(Service).validate_python(complete)
        except ValidationError:
            single = {key: self._validate(Service, ("services", key), value) for key, value in complete.items()}
            return {key: service for key, service in single.items() if service is not None}
        return whole

    def _merged(self, key: str, raw: Any) -> dict[str, Any] | None:
        """A service with the defaults below its own values, and its name and namespace from its key."""
        path = ("services", key)
        if not isinstance(raw, dict):
            self._report(WRONG_VALUE, path, dotted(path), f"is {show(raw)}, not a mapping", "write the service's fields")
            return None
        if "name" in raw:
            self._report(UNKNOWN_KEY, (*path, "name"), dotted((*path, "name")), "is not a known key", "the name is the key above")
            raw = {field_: value for field_, value in raw.items() if field_ != "name"}
        namespace, _, name = key.rpartition("/")
        merged = _below(self.raw["defaults"], raw)
        if namespace and merged.setdefault("namespace", namespace) != namespace:
            if "namespace" in raw:
                problem, remedy = f"is {show(raw['namespace'])}, but the key says {namespace}", "keep one of the two"
                self._report(WRONG_VALUE, (*path, "namespace"), dotted((*path, "namespace")), problem, remedy)
            merged["namespace"] = namespace
        return {**merged, "name": name}

    def _validate(self, model: type, path: Path, value: Any) -> Any:
        try:
            return adapter(model).validate_python({"": value})[""]
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                place = tuple(part for part in error["loc"][1:] if part != "[key]")
                at = (*path, *place)
                if place == ("name",) and model is Service:
                    at = path
                code, problem, remedy = explain({**error, "loc": error["loc"][1:]}, model)
                self._report(code, at, dotted(at), problem, remedy)
        return None

    def _resolve(self, services: Mapping[str, Service]) -> tuple[list[Service], dict[str, str]]:
        """The services with every call's callee as its id; calls to nobody are findings, and left out."""
        keys = self._unique(services)
        by_name: dict[str, list[str]] = {}
        for key in self.raw["services"]:
            by_name.setdefault(key.rpartition("/")[2], []).append(key)
        resolved = []
        for service in (services[key] for key in keys.values()):
            calls = []
            for index, call in enumerate(service.calls):
                callee = self._callee(call.service, by_name, services, ("services", keys[service.id], "calls", index))
                if callee is not None:
                    calls.append(dataclasses.replace(call, service=callee.id))
            resolved.append(dataclasses.replace(service, calls=tuple(calls)) if service.calls else service)
        return resolved, keys

    def _unique(self, services: Mapping[str, Service]) -> dict[str, str]:
        """Service id to key; a second service of the same namespace and name is a finding."""
        keys: dict[str, str] = {}
        for key, service in services.items():
            first = keys.setdefault(service.id, key)
            if first != key:
                path = ("services", key)
                self._report(DEFINED_TWICE, path, dotted(path), f"is the same service as services.{first}: {service.id}", "keep one of the two")
        return keys

    def _callee(
        self, reference: str, by_name: Mapping[str, list[str]], services: Mapping[str, Service], path: Path
    ) -> Service | None:
        """Who a call goes to; None when nobody (a finding) or when that service has errors of its own."""
        matches = [reference] if reference in self.raw["services"] else by_name.get(reference, [])
        if not matches and "/" in reference:
            matches = [key for key, service in services.items() if service.id == reference]
        if len(matches) == 1:
            return services.get(matches[0])
        subject = dotted((*path, "service"))
        if matches:
            self._report(
                UNKNOWN_CALLEE, (*path, "service"), subject, f'is "{reference}", which several services are called',
                f"write one of {', '.join(sorted(matches))}",
            )  # fmt: skip
            return None
        close = suggest(reference, self.raw["services"])
        remedy = f"did you mean {close}?" if close else "declare the service, or list a host outside the cluster under external_hosts"
        self._report(UNKNOWN_CALLEE, (*path, "service"), subject, f'is "{reference}", which is not in the inventory', remedy)
        return None


def _below(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own` over `defaults`, mappings merged key by key."""
    merged = dict(defaults)
    for key, value in own.items():
        under = merged.get(key)
        merged[key] = _below(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
