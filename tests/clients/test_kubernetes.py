"""What cannot be provoked on a real API server: listings that expire, answers of something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from observe import errors
from observe.clients.kube_login import Answer
from observe.clients.kube_refusal import UnknownKind, refusal
from observe.clients.kube_resource import Resource
from observe.clients.kubernetes import KubernetesClient

if TYPE_CHECKING:
    from collections.abc import Mapping

VIRTUAL_SERVICE = Resource("networking.istio.io/v1", "VirtualService")


class Scripted:
    """A transport that gives prepared answers, one after the other."""

    server = "https://cluster.example.com"

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.params: list[Mapping[str, str]] = []

    def request(
        self,
        method: str,  # noqa: ARG002 - the shape of a transport
        path: str,  # noqa: ARG002
        params: Mapping[str, str],
        headers: Mapping[str, str],  # noqa: ARG002
        body: bytes | None = None,  # noqa: ARG002
    ) -> Answer:
        self.params.append(params)
        return self.answers.pop(0)

    def close(self) -> None:
        self.answers.clear()


def page(*names: str, more: str = "") -> Answer:
    items = [{"metadata": {"name": name, "uid": "u11", "resourceVersion": "12"}} for name in names]
    return Answer(200, orjson.dumps({"metadata": {"continue": more}, "items": items}))


def status(code: int, message: str, **details: Any) -> bytes:
    return orjson.dumps({"kind": "Status", "code": code, "message": message, "details": details})


def test_a_listing_that_expires_on_the_way_is_taken_again_in_one_piece() -> None:
    transport = Scripted(page("a", more="t"), Answer(410, status(410, "too old")), page("a", "b", "c"))
    found = KubernetesClient(transport).list_metadata(VIRTUAL_SERVICE, selector="x=y")
    assert [one.name for one in found] == ["a", "b", "c"]
    assert transport.params == [
        {"limit": "500", "labelSelector": "x=y"},
        {"limit": "500", "labelSelector": "x=y", "continue": "t"},
        {"labelSelector": "x=y"},
    ]


def test_a_listing_tells_which_fields_of_the_spec_anybody_has_set() -> None:
    """By the record that the server keeps; without one nobody knows."""
    managed = [
        {"manager": "observe", "fieldsV1": {"f:spec": {"f:host": {}, "f:subsets": {}}, "f:metadata": {"f:labels": {}}}},
        {"manager": "oncall", "fieldsV1": {"f:spec": {".": {}, "f:exportTo": {}}}},
        {"manager": "controller", "subresource": "status", "fieldsV1": {"f:status": {}}},
        {"manager": "odd"},
    ]
    items = [{"metadata": {"name": "web", "uid": "u11", "resourceVersion": "12", "managedFields": managed}}]
    answer = Answer(200, orjson.dumps({"metadata": {}, "items": items}))
    (found,) = KubernetesClient(Scripted(answer)).list_metadata(VIRTUAL_SERVICE)
    assert found.fields >= {"host", "subsets", "exportTo"}
    assert not found.fields & {"labels", "status"}
    (found,) = KubernetesClient(Scripted(page("web"))).list_metadata(VIRTUAL_SERVICE)
    assert found.fields == frozenset()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"metadata": {}, "items": [{}]}'])
def test_an_answer_of_something_else_is_told(body: bytes) -> None:
    with pytest.raises(errors.Rejected, match=r"what answers at https://cluster\.example\.com is not a Kuber"):
        KubernetesClient(Scripted(Answer(200, body))).list_metadata(VIRTUAL_SERVICE)


@pytest.mark.parametrize(
    ("code", "body", "kind"),
    [
        (401, status(401, "Unauthorized"), errors.Unauthorized),
        (403, status(403, "forbidden"), errors.Forbidden),
        (404, b"404 page not found\n", UnknownKind),
        (404, status(404, "the server could not find the requested resource"), UnknownKind),
        (404, status(404, 'virtualservices "web" not found', name="web", kind="virtualservices"), errors.Rejected),
        (409, status(409, "the object has been modified"), errors.Conflict),
        (422, status(422, "is invalid"), errors.Rejected),
        (400, b"", errors.Rejected),
        (503, b"<html>maintenance</html>", errors.Unreachable),
        (429, status(429, "too many requests"), errors.Unreachable),
    ],
)
def test_every_refusal_has_its_kind(code: int, body: bytes, kind: type[errors.TargetError]) -> None:
    found = refusal("https://cluster.example.com", code, body, VIRTUAL_SERVICE, "apply VirtualService shop/web")
    assert type(found) is kind


def test_an_unknown_kind_of_somebody_else_is_told_too() -> None:
    found = refusal("c", 404, b"404 page not found\n", Resource("example.com/v1", "Policy"), "list policies")
    assert str(found) == "the cluster does not know Policy example.com/v1 (policies.example.com): install its CRD"
