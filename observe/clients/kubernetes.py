"""A Kubernetes API server, as far as publishing needs it: list what is there, apply, read, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import orjson

from observe import errors
from observe.clients.kube_refusal import refusal
from observe.naming import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.clients.kube_login import Answer
    from observe.clients.kube_resource import ObjectName, Resource

PAGE: Final = 500
"""What kubectl takes per page too."""
JSON: Final = "application/json"
METADATA_LIST: Final = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA: Final = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Metadata without the spec: the server then sends, and we read, a fraction."""
APPLY: Final = "application/apply-patch+yaml"
EXPIRED: Final = 410

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as plain values."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a listing tells of one object."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    uid: str
    revision: str
    """The resourceVersion: any write changes it."""
    fields: frozenset[str]
    """Which fields of the spec anybody has set, by the server's own record of it (`managedFields`)."""


class Sender(Protocol):
    """What carries requests; `kube_login.Transport` is the real one."""

    @property
    def server(self) -> str: ...

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer: ...

    def close(self) -> None: ...


class KubernetesClient:
    """Requests to one API server. Safe to share between threads.

    Every method raises Unreachable, Unauthorized, Forbidden, Conflict or Rejected, and no other exception.
    """

    def __init__(self, transport: Sender) -> None:
        self._transport = transport

    @property
    def server(self) -> str:
        return self._transport.server

    def close(self) -> None:
        self._transport.close()

    def list_metadata(
        self, resource: Resource, *, namespace: str | None = None, selector: str = "", page_size: int = PAGE
    ) -> list[Metadata]:
        """The metadata of all objects of a kind, in one namespace or in the cluster."""
        where = f"in namespace {namespace}" if namespace else "in all namespaces"
        what = f"list {resource.plural} {where}"
        params = {"limit": str(page_size)}
        if selector:
            params["labelSelector"] = selector
        try:
            return [_metadata(item) for page in self._pages(resource, namespace, params, what) for item in page]
        except (LookupError, TypeError, AttributeError):
            raise self._stranger() from None

    def _pages(
        self, resource: Resource, namespace: str | None, params: dict[str, str], what: str
    ) -> Iterator[list[Any]]:
        """The pages. The server forgets after minutes where a listing stood; then all of it comes at once."""
        path, headers = resource.path(namespace), {"Accept": METADATA_LIST}
        at: dict[str, str] = {}
        collected: list[list[Any]] = []
        while True:
            answer = self._transport.request("GET", path, {**params, **at}, headers)
            if answer.status == EXPIRED and at:
                del params["limit"]
                at, collected = {}, []
                continue
            page = self._accept(answer, resource, what)
            collected.append(page.get("items") or [])
            token = page["metadata"].get("continue")
            if not token:
                return iter(collected)
            at = {"continue": token}

    def get(self, name: ObjectName) -> Manifest | None:
        """The whole object; None when there is none, or no such namespace."""
        answer = self._transport.request("GET", name.path, {}, {"Accept": JSON})
        if answer.status == 404:
            return None
        return self._accept(answer, name.resource, f"read {name}")

    def apply(self, name: ObjectName, body: bytes, *, force: bool = False, dry_run: bool = False) -> Manifest:
        """Server-side apply of a manifest (YAML or JSON): creates it, or merges what we own of it.

        Unknown fields are refused rather than dropped. With `force` fields that others own are taken over.
        With `dry_run` nothing is stored, and what is given is the whole object as it would be; else it is its
        metadata.
        """
        params = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        if force:
            params["force"] = "true"
        if dry_run:
            params["dryRun"] = "All"
        headers = {"Accept": JSON if dry_run else METADATA, "Content-Type": APPLY}
        answer = self._transport.request("PATCH", name.path, params, headers, body)
        return self._accept(answer, name.resource, f"apply {name}")

    def delete(self, name: ObjectName, *, uid: str, revision: str, dry_run: bool = False) -> None:
        """Delete the very object that was seen; raises Conflict when it has changed since. Gone is fine."""
        body: dict[str, Any] = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": uid, "resourceVersion": revision},
        }
        if dry_run:
            # In the body, and not as a parameter: with a body the server does not look at the parameters.
            body["dryRun"] = ["All"]
        headers = {"Accept": METADATA, "Content-Type": JSON}
        answer = self._transport.request("DELETE", name.path, {}, headers, orjson.dumps(body))
        if answer.status != 404:
            self._accept(answer, name.resource, f"delete {name}")

    def _accept(self, answer: Answer, resource: Resource, what: str) -> Manifest:
        if not 200 <= answer.status < 300:
            raise refusal(self.server, answer.status, answer.body, resource, what)
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise self._stranger()
        return found

    def _stranger(self) -> errors.Rejected:
        return errors.Rejected(f"what answers at {self.server} is not a Kubernetes API server")


def _metadata(item: Any) -> Metadata:
    found = item["metadata"]
    return Metadata(
        namespace=found.get("namespace", ""),
        name=found["name"],
        labels=found.get("labels") or {},
        annotations=found.get("annotations") or {},
        uid=found["uid"],
        revision=found["resourceVersion"],
        fields=_fields(found.get("managedFields") or ()),
    )


def _fields(managed: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """In the record the field `subsets` of the spec is the key `f:subsets` below `f:spec`."""
    specs = ((entry.get("fieldsV1") or {}).get("f:spec") or {} for entry in managed)
    return frozenset(key.removeprefix("f:") for spec in specs for key in spec)
