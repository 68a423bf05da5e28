"""Calls to the services they mean. What a reference says is a key, or a name, or namespace/name."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe.inventory.codes import DEFINED_TWICE, UNKNOWN_CALLEE
from observe.inventory.messages import dotted, suggest
from observe.model.fields import SERVICE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.inventory.report import Report
    from observe.inventory.sections import Sections
    from observe.model import Call, Path, Service

MOST_GUESSES: Final = 100
"""Looking through a thousand names takes ten milliseconds; with more strangers than this, it is not the spelling."""


@dataclass(frozen=True)
class References:
    """The services that calls may mean: the valid ones, and those that have errors and still are no strangers."""

    sections: Sections
    services: Mapping[str, Service]
    report: Report

    def resolve(self) -> tuple[tuple[Service, ...], dict[str, str]]:
        """The services with every call's callee as its id, sorted, and the key of each id.

        A call to nobody is a finding, and left out; so is a call to a service with errors, without a finding.
        """
        keys = self._keys()
        resolved = [self._with_callees(key, self.services[key]) for key in keys.values()]
        return tuple(sorted(resolved, key=lambda service: (service.namespace, service.name))), keys

    def _keys(self) -> dict[str, str]:
        """Service id to key; a second service of the same namespace and name is a finding."""
        keys: dict[str, str] = {}
        for key, service in self.services.items():
            first = keys.setdefault(service.id, key)
            if first != key:
                problem = f"is the same service as {dotted(('services', first))}: both are {service.id}"
                self._report(("services", key), DEFINED_TWICE, problem, "keep one of the two")
        return keys

    def _with_callees(self, key: str, service: Service) -> Service:
        if not service.calls:
            return service
        resolved = tuple(self._resolved(key, service))
        self._report_repeated(key, resolved)
        return dataclasses.replace(service, calls=tuple(call for _, call in resolved))

    def _resolved(self, key: str, service: Service) -> Iterator[tuple[int, Call]]:
        for index, call in enumerate(service.calls):
            callee = self._callee(call.service, ("services", key, "calls", index, "service"))
            if callee is not None:
                yield index, dataclasses.replace(call, service=callee.id)

    def _report_repeated(self, key: str, calls: tuple[tuple[int, Call], ...]) -> None:
        """The same call twice leaves open which timeout and which retries hold."""
        first: dict[tuple[str, int | None, bool], int] = {}
        for index, call in calls:
            earlier = first.setdefault((call.service, call.port, call.asynchronous), index)
            if earlier != index:
                problem = f"is the same call as calls[{earlier}]: to {call.service}"
                self._report(("services", key, "calls", index), DEFINED_TWICE, problem, "keep one of the two")

    def _callee(self, reference: str, path: Path) -> Service | None:
        """Who a call goes to; None when nobody (a finding) or when that service has errors of its own."""
        matches = self._matches(reference)
        if len(matches) == 1:
            return self.services.get(matches[0])
        if matches:
            problem = f'is "{reference}", which several services are called'
            self._report(path, UNKNOWN_CALLEE, problem, f"write one of {', '.join(sorted(matches))}")
        elif not self._may_be_broken(reference):
            close = self._suggestion(reference)
            otherwise = "declare the service, or list a host outside the cluster under external_hosts"
            remedy = f"did you mean {close}?" if close else otherwise
            self._report(path, UNKNOWN_CALLEE, f'is "{reference}", which is not in the inventory', remedy)
        return None

    def _matches(self, reference: str) -> list[str]:
        """The keys that a reference may mean: itself, else those of that name, else the one of that id."""
        if reference in self.sections.services:
            return [reference]
        return self._keys_by_name.get(reference) or self._keys_by_id.get(reference) or []

    def _may_be_broken(self, reference: str) -> bool:
        """Whether who is meant has errors: in its namespace, its key, or the file it stands in."""
        keys = self._keys_by_name.get(reference.rpartition("/")[2], ())
        close = self._suggestion(reference)
        misspelt = close is not None and not SERVICE_KEY.fullmatch(close)
        return misspelt or not self.sections.complete or any(key not in self.services for key in keys)

    def _suggestion(self, reference: str) -> str | None:
        if reference not in self._suggestions and len(self._suggestions) < MOST_GUESSES:
            self._suggestions[reference] = suggest(reference, self.sections.services)
        return self._suggestions.get(reference)

    @cached_property
    def _suggestions(self) -> dict[str, str | None]:
        """Many call the same stranger."""
        return {}

    @cached_property
    def _keys_by_name(self) -> Mapping[str, list[str]]:
        keys: dict[str, list[str]] = defaultdict(list)
        for key in self.sections.services:
            keys[key.rpartition("/")[2]].append(key)
        return keys

    @cached_property
    def _keys_by_id(self) -> Mapping[str, list[str]]:
        return {service.id: [key] for key, service in self.services.items()}

    def _report(self, path: Path, code: str, problem: str, remedy: str) -> None:
        self.report.add(self.sections.locate(path), dotted(path), code, problem, remedy)
