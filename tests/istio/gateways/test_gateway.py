"""Gateway and Certificate: TLS for the declared hosts, and nothing in plaintext but a redirect."""

from __future__ import annotations

from typing import Any

from observe.istio.gateways.certificate import certificate
from observe.istio.gateways.gateway import gateway
from observe.istio.gateways.kubernetes_gateway import kubernetes_gateway
from observe.model import Gateway, Installation, Issuer, Mesh
from observe.provenance import plain
from tests.samples import a_mesh

HOSTS = ("shop.example.com", "api.example.com")


def a_gateway(**changes: Any) -> Mesh:
    good: dict[str, Any] = {"hosts": HOSTS, "secret": "shop-tls", "namespace": "edge", "labels": {"istio": "edge"}}
    return a_mesh(gateways={"web": Gateway(**{**good, **changes})})


def test_every_host_has_tls_with_the_certificate_beside_the_pods() -> None:
    made = plain(gateway(a_gateway(), "web"))
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("edge", "web")
    assert made["spec"]["selector"] == {"istio": "edge"}
    assert made["spec"]["servers"][0] == {
        "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
        "hosts": list(HOSTS),
        "tls": {"mode": "SIMPLE", "credentialName": "shop-tls"},
    }


def test_plaintext_is_redirected_or_not_answered_at_all() -> None:
    _, plaintext = plain(gateway(a_gateway(), "web"))["spec"]["servers"]
    assert plaintext["port"]["number"] == 80
    assert plaintext["tls"] == {"httpsRedirect": True}
    assert len(plain(gateway(a_gateway(redirect=False), "web"))["spec"]["servers"]) == 1


def test_certificate_is_for_all_hosts_and_fills_the_gateway_s_secret() -> None:
    made = plain(certificate(a_gateway(issuer=Issuer(name="ca", kind="Issuer")), "web"))
    assert (made["apiVersion"], made["metadata"]["namespace"]) == ("cert-manager.io/v1", "edge")
    assert made["spec"] == {
        "secretName": "shop-tls",
        "dnsNames": list(HOSTS),
        "issuerRef": {"name": "ca", "kind": "Issuer", "group": "cert-manager.io"},
    }


def test_no_certificate_where_something_else_fills_the_secret() -> None:
    assert certificate(a_gateway(), "web") is None


def test_gateway_api_has_a_listener_for_each_host() -> None:
    made = plain(kubernetes_gateway(a_gateway(), "web"))
    assert made["apiVersion"] == "gateway.networking.k8s.io/v1"
    first, second, plaintext = made["spec"]["listeners"]
    assert (first["hostname"], second["hostname"]) == HOSTS
    assert first["tls"] == {"mode": "Terminate", "certificateRefs": [{"name": "shop-tls"}]}
    assert plaintext == {"name": "http", "port": 80, "protocol": "HTTP"}
    assert len({one["name"] for one in made["spec"]["listeners"]}) == 3


def test_gateway_api_closes_80_where_nothing_is_redirected() -> None:
    made = plain(kubernetes_gateway(a_gateway(redirect=False), "web"))
    assert {one["port"] for one in made["spec"]["listeners"]} == {443}


def test_pods_that_istiod_deploys_get_the_identity_that_policies_name() -> None:
    made = plain(kubernetes_gateway(a_gateway(service_account="web-pods"), "web"))
    assert made["metadata"]["annotations"] == {"gateway.istio.io/service-account": "web-pods"}


def test_the_revision_that_injects_also_deploys_gateways() -> None:
    mesh = a_mesh(
        gateways={"web": Gateway(hosts=HOSTS, secret="shop-tls")}, installation=Installation(revision="stable")
    )
    assert plain(kubernetes_gateway(mesh, "web"))["metadata"]["labels"]["istio.io/rev"] == "stable"
    assert "istio.io/rev" not in plain(kubernetes_gateway(a_gateway(), "web"))["metadata"]["labels"]
