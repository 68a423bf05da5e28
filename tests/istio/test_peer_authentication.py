"""PeerAuthentication: STRICT, but for exceptions with a reason and a scope."""

from __future__ import annotations

from observe.istio.peer_authentication import peer_authentication
from observe.model import Mtls
from tests.samples import a_service, an_inventory


def test_service_is_strict_by_itself() -> None:
    service = a_service()
    made = peer_authentication(an_inventory(service), service)
    assert made is not None
    assert made["spec"] == {"selector": {"matchLabels": {"app": "checkout"}}, "mtls": {"mode": "STRICT"}}
    assert "annotations" not in made["metadata"]


def test_exception_carries_its_reason() -> None:
    service = a_service(mtls=Mtls(mode="PERMISSIVE", reason="plain webhooks"))
    made = peer_authentication(an_inventory(service), service)
    assert made is not None
    assert made["spec"]["mtls"] == {"mode": "PERMISSIVE"}
    assert made["metadata"]["annotations"] == {"observe/reason": "plain webhooks"}


def test_exception_for_ports_leaves_the_others_strict() -> None:
    service = a_service(mtls=Mtls(mode="PERMISSIVE", ports=(9090, 8080), reason="plain webhooks"))
    made = peer_authentication(an_inventory(service), service)
    assert made is not None
    assert made["spec"]["mtls"] == {"mode": "STRICT"}
    assert made["spec"]["portLevelMtls"] == {"8080": {"mode": "PERMISSIVE"}, "9090": {"mode": "PERMISSIVE"}}


def test_service_without_proxy_has_none() -> None:
    service = a_service(in_mesh=False)
    assert peer_authentication(an_inventory(service), service) is None
