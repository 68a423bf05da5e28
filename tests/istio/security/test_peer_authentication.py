"""PeerAuthentication: STRICT, but for exceptions with a reason and a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe.istio.security.peer_authentication import (
    mesh_peer_authentication,
    namespace_peer_authentication,
    peer_authentication,
)
from observe.model import ExcludedPorts, Metrics, Mtls, MtlsDefault, Namespace, Prometheus
from observe.provenance import leaves, plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from observe.model import Mesh

STRICT, PERMISSIVE, DISABLE = ({"mode": mode} for mode in ("STRICT", "PERMISSIVE", "DISABLE"))
REASON = "plain webhooks"
SCRAPE = Metrics(port=9102, merged=False)
SCRAPED = "Prometheus scrapes port 9102 without a certificate"


def made(mesh: Mesh | None = None, **changes: Any) -> dict[str, Any]:
    """A service's policy, as it is applied."""
    service = a_service(ports=(HTTP, GRPC), **changes)
    found = peer_authentication(an_inventory(service, mesh=mesh), service)
    assert found is not None
    applied: dict[str, Any] = plain(found)
    return applied


def modes(**changes: Any) -> tuple[Any, Any, Any]:
    """The mode of the whole, those of ports, and the written reason."""
    found = made(**changes)
    assert found["spec"]["selector"] == {"matchLabels": {"app": "checkout"}}
    reason = found["metadata"].get("annotations", {}).get("observe/reason")
    return found["spec"]["mtls"], found["spec"].get("portLevelMtls"), reason


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, (STRICT, None, None), id="STRICT by itself, whatever holds around it"),
        pytest.param({"mtls": Mtls(reason=REASON)}, (STRICT, None, None), id="a reason alone is none"),
        pytest.param({"mtls": Mtls(ports=(8080,))}, (STRICT, None, None), id="nor are ports"),
        pytest.param(
            {"mtls": Mtls(mode="PERMISSIVE", reason=REASON)}, (PERMISSIVE, None, REASON), id="the whole service"
        ),
        pytest.param({"mtls": Mtls(mode="DISABLE", reason=REASON)}, (DISABLE, None, REASON), id="without encryption"),
        pytest.param(
            {"mtls": Mtls(mode="PERMISSIVE", ports=(9000, 8080), reason=REASON)},
            (STRICT, {"8080": PERMISSIVE, "9000": PERMISSIVE}, REASON),
            id="limited to ports, the others stay STRICT",
        ),
    ],
)
def test_declared_modes(changes: dict[str, Any], expected: tuple[Any, Any, Any]) -> None:
    assert modes(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"metrics": SCRAPE}, (STRICT, {"9102": PERMISSIVE}, SCRAPED), id="only the port that is scraped"),
        pytest.param({"metrics": Metrics(port=9102)}, (STRICT, None, None), id="merged metrics need none"),
        pytest.param(
            {"metrics": SCRAPE, "mtls": Mtls(mode="PERMISSIVE", ports=(8080,), reason=REASON)},
            (STRICT, {"8080": PERMISSIVE, "9102": PERMISSIVE}, f"{REASON}; {SCRAPED}"),
            id="beside a declared exception",
        ),
        pytest.param(
            {"metrics": SCRAPE, "mtls": Mtls(mode="PERMISSIVE", reason=REASON)},
            (PERMISSIVE, None, REASON),
            id="within a declared exception",
        ),
        pytest.param(
            {"metrics": SCRAPE, "excluded_ports": ExcludedPorts(inbound=(9102,))},
            (STRICT, None, None),
            id="no proxy asks there",
        ),
        pytest.param(
            {"metrics": SCRAPE, "mesh": a_mesh(prometheus=Prometheus(service_account="prometheus"))},
            (STRICT, None, None),
            id="Prometheus has a certificate",
        ),
        pytest.param(
            {"metrics": Metrics(port=9102), "mesh": a_mesh(data_plane="ambient")},
            (STRICT, {"9102": PERMISSIVE}, SCRAPED),
            id="an ambient mesh has no sidecar to merge them",
        ),
    ],
)
def test_scrapes_without_a_certificate(changes: dict[str, Any], expected: tuple[Any, Any, Any]) -> None:
    assert modes(**changes) == expected


def test_callers_do_not_encrypt_what_goes_past_the_proxy() -> None:
    """Their proxies ask for the port's mode, and would speak mTLS to the application itself."""
    past = ExcludedPorts(inbound=(9000, 15))
    assert modes(excluded_ports=past) == (
        STRICT,
        {"9000": DISABLE},
        "port 9000 goes past the proxy, so callers must not encrypt",
    )
    assert modes(excluded_ports=past, mesh=a_mesh(data_plane="ambient")) == (STRICT, None, None)


def test_service_without_proxy_has_none() -> None:
    service = a_service(in_mesh=False, ports=(TCP,))
    assert peer_authentication(an_inventory(service), service) is None


@pytest.mark.parametrize(
    ("default", "reason"),
    [
        (MtlsDefault(mode="STRICT"), None),
        (MtlsDefault(mode="STRICT", reason=REASON), None),
        (MtlsDefault(mode="PERMISSIVE", reason=REASON), REASON),
        (MtlsDefault(mode="DISABLE"), None),
    ],
)
def test_what_holds_for_a_mesh_and_a_namespace(default: MtlsDefault, reason: str | None) -> None:
    """Without a selector and without ports, which need one."""
    mesh = a_mesh(mtls=default, root_namespace="root", namespaces={"shop": Namespace(mtls=default)})
    found = [
        mesh_peer_authentication(an_inventory(mesh=mesh)),
        namespace_peer_authentication(an_inventory(mesh=mesh), "shop"),
    ]
    for one, namespace in zip(found, ("root", "shop"), strict=True):
        assert one is not None
        applied = plain(one)
        assert (applied["metadata"]["name"], applied["metadata"]["namespace"]) == ("default", namespace)
        assert applied["spec"] == {"mtls": {"mode": default.mode}}
        assert applied["metadata"].get("annotations", {}).get("observe/reason") == reason


def test_nothing_holds_that_nobody_wrote() -> None:
    inventory = an_inventory(a_service(), mesh=a_mesh(namespaces={"shop": Namespace(default_deny=True)}))
    assert mesh_peer_authentication(inventory) is None
    assert namespace_peer_authentication(inventory, "shop") is None
    assert namespace_peer_authentication(inventory, "elsewhere") is None


def test_the_root_namespaces_policy_is_the_meshs_own() -> None:
    """Two of them would have the same name; OBS121 says so."""
    mesh = a_mesh(namespaces={"istio-system": Namespace(mtls=MtlsDefault(mode="STRICT"))})
    assert namespace_peer_authentication(an_inventory(mesh=mesh), "istio-system") is None


def test_every_value_says_what_decided_it() -> None:
    service = a_service(
        metrics=SCRAPE,
        ports=(HTTP, GRPC),
        excluded_ports=ExcludedPorts(inbound=(9000,)),
        mtls=Mtls(mode="PERMISSIVE", ports=(8080,), reason=REASON),
    )
    found = peer_authentication(an_inventory(service), service)
    assert found is not None
    origins = {leaf.path[1:]: leaf.origin for leaf in leaves(found["spec"], ("spec",))}
    assert {path: origin.path and origin.path[2:] for path, origin in origins.items() if origin} == {
        ("selector", "matchLabels", "app"): ("labels",),
        ("mtls", "mode"): ("mtls", "ports"),
        ("portLevelMtls", "8080", "mode"): ("mtls", "mode"),
        ("portLevelMtls", "9000", "mode"): ("excluded_ports", "inbound"),
        ("portLevelMtls", "9102", "mode"): ("metrics", "port"),
    }
