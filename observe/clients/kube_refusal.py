"""What a Kubernetes API server means when it says no, in our errors: what, why, and the way out.

It answers with a `Status` (k8s.io/apimachinery `meta/v1/types.go`): a code, a reason, a message, and details.
For a path that no installed resource has, the answer is a bare `404 page not found`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from observe import errors
from observe.clients.backoff import BUSY
from observe.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.clients.kube_resource import Resource

LONGEST_REASON: Final = 1500
"""Longer than for other systems: a schema error names every field that is wrong."""
_INSTALL: Final = {
    "istio.io": "install Istio's CRDs",
    "monitoring.coreos.com": "install the Prometheus operator's CRDs",
    "gateway.networking.k8s.io": "install the CRDs of the Kubernetes Gateway API, or do without: mesh.routing: istio,"
    " and no waypoints",
    "cert-manager.io": "install cert-manager, or leave the gateway's issuer away and fill its Secret by other means",
}
"""The way out by API group: whose CRDs are missing."""


class UnknownKind(errors.Rejected):
    """The cluster does not serve the kind: its CRD is not installed."""


def refusal(server: str, status: int, body: bytes, resource: Resource, what: str) -> errors.TargetError:
    """The error for an answer that is not good. `what` we tried is such as `apply Sidecar shop/web`."""
    said = _status(body)
    message = shorten(str(said.get("message") or body.decode(errors="replace") or "no reason given"), LONGEST_REASON)
    told = f"{what}: {message}"
    if status == 401:
        return errors.Unauthorized(
            f"the cluster at {server} does not accept the credential ({message}): log in again, or choose"
            " another context"
        )
    if status == 403:
        return errors.Forbidden(f"{told} (ask for a Role that allows this, or choose another context)")
    if status == 404:
        return _missing(said, resource, told)
    if status == 409:
        return errors.Conflict(_conflict(said, what, message))
    return (errors.Unreachable if status in BUSY else errors.Rejected)(told)


def _missing(said: Mapping[str, Any], resource: Resource, told: str) -> errors.TargetError:
    details = said.get("details") or {}
    if details.get("kind") == "namespaces":
        name = details.get("name")
        return errors.Rejected(
            f"namespace {name} does not exist: create it and label it, such as by"
            f" `kubectl create namespace {name}` and `kubectl label namespace {name} istio-injection=enabled`"
        )
    if details.get("name"):
        return errors.Rejected(told)
    way_out = next((text for group, text in _INSTALL.items() if group in resource.api_version), "install its CRD")
    return UnknownKind(f"the cluster does not know {resource} ({resource.full_name}): {way_out}")


def _conflict(said: Mapping[str, Any], what: str, message: str) -> str:
    """A field conflict lists in its causes who else owns which field (`FieldManagerConflict`)."""
    causes = (said.get("details") or {}).get("causes") or ()
    owned = sorted(
        f"{cause.get('field')} ({cause.get('message')})"
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )
    if not owned:
        return f"{what}: {message} (it changed in the meantime: run the same command again)"
    return (
        f"{what}: others own fields of it: {shorten(', '.join(owned), LONGEST_REASON)};"
        " take them over with --force-conflicts, or leave them out there"
    )


def _status(body: bytes) -> Mapping[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) and said.get("kind") == "Status" else {}
