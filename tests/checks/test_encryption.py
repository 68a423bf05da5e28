"""OBS120, OBS122, OBS123, OBS126, OBS129, and OBS105, OBS107 and OBS109 beyond single services: who comes without a
certificate, and what becomes of them.
"""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import (
    ambient_mtls_disable,
    metrics_in_plaintext,
    mtls_exception,
    mtls_exception_too_wide,
    mtls_exception_without_reason,
    plaintext_caller_under_strict,
    plaintext_refused_by_policy,
    strict_mesh_with_outsiders,
)
from observe.model import (
    Call,
    Endpoint,
    ExcludedPorts,
    ExternalCaller,
    Metrics,
    Mtls,
    MtlsDefault,
    Namespace,
    Prometheus,
)
from tests.checks.finds import found
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service

HOOK = Endpoint(method="POST", path="/webhook")
DIRECT = ExternalCaller(name="Payer", via="direct")
HOOKED = ExternalCaller(name="Payer", via="direct", endpoints=(HOOK,))
PLAIN = Mtls(mode="PERMISSIVE", reason="plain webhooks")
STRICT = MtlsDefault(mode="STRICT")
SCRAPE = Metrics(port=9102, merged=False)
CALLS = (Call(service="shop/checkout"),)


def test_ztunnel_cannot_turn_mtls_off() -> None:
    off = MtlsDefault(mode="DISABLE", reason="x")
    mesh = a_mesh(
        data_plane="ambient", mtls=off, namespaces={"shop": Namespace(mtls=off), "web": Namespace(mtls=STRICT)}
    )
    problem = (
        "has mTLS mode DISABLE in an ambient mesh, where it means PERMISSIVE: ztunnel goes on encrypting; "
        "write PERMISSIVE if callers without a certificate are meant, else STRICT"
    )
    assert found(ambient_mtls_disable, a_service(mtls=Mtls(mode="DISABLE", reason="x")), mesh=mesh) == [
        f"error OBS120: {subject} {problem}" for subject in ("service shop/checkout", "mesh acme", "namespace shop")
    ]


@pytest.mark.parametrize(
    ("service", "mesh"),
    [
        pytest.param({"mtls": Mtls(mode="DISABLE", reason="x")}, {}, id="sidecars can"),
        pytest.param({"mtls": PLAIN}, {"data_plane": "ambient"}, id="PERMISSIVE is fine"),
        pytest.param(
            {"mtls": Mtls(mode="DISABLE", reason="x"), "in_mesh": False}, {"data_plane": "ambient"}, id="no proxy"
        ),
    ],
)
def test_modes_that_can_be(service: dict[str, Any], mesh: dict[str, Any]) -> None:
    assert found(ambient_mtls_disable, a_service(**service), mesh=a_mesh(**mesh)) == []


@pytest.mark.parametrize(
    ("changes", "beside"),
    [
        pytest.param({"external_callers": (HOOKED,)}, "5432, 9000", id="ports that no POST can arrive at"),
        pytest.param({"external_callers": (HOOKED, DIRECT)}, None, id="one of them does not say"),
        pytest.param(
            {"external_callers": (HOOKED,), "mtls": Mtls(mode="PERMISSIVE", ports=(8080,), reason="x")},
            None,
            id="limited already",
        ),
        pytest.param({"external_callers": (HOOKED,), "ports": (HTTP,)}, None, id="there are no others"),
        pytest.param({}, None, id="nobody comes, which is OBS123"),
        pytest.param(
            {"external_callers": (HOOKED,), "excluded_ports": ExcludedPorts(inbound=(9000,))},
            "5432",
            id="what goes past the proxy is no exception",
        ),
        pytest.param({"external_callers": (HOOKED,), "mtls": Mtls(mode="DISABLE", reason="x")}, None, id="DISABLE"),
    ],
)
def test_exceptions_that_are_too_wide(changes: dict[str, Any], beside: str | None) -> None:
    said = (
        f"warning OBS122: service shop/checkout takes plaintext on port {beside} too, "
        "which no declared caller without a certificate can be using; write mtls.ports: [8080]"
    )
    service = a_service(**{"ports": (HTTP, GRPC, TCP), "mtls": PLAIN, **changes})
    assert found(mtls_exception_too_wide, service) == ([said] if beside else [])


def test_calls_from_outside_the_mesh_need_the_port_they_dial() -> None:
    legacy = a_service("legacy", in_mesh=False, calls=(Call(service="shop/checkout", port=9000),))
    (said,) = found(mtls_exception_too_wide, a_service(ports=(HTTP, GRPC), mtls=PLAIN), legacy)
    assert said.endswith("; write mtls.ports: [9000]")


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        pytest.param({}, "8080, 9000", id="nobody comes without a certificate"),
        pytest.param({"external_callers": (ExternalCaller(name="X"),)}, "8080, 9000", id="the ingress has one"),
        pytest.param({"external_callers": (DIRECT,)}, None, id="somebody does"),
        pytest.param({"external_callers": (HOOKED,)}, None, id="on one port, which is OBS122"),
        pytest.param(
            {"external_callers": (HOOKED,), "mtls": Mtls(mode="PERMISSIVE", ports=(8080, 9000), reason="x")},
            "9000",
            id="on one of two that are listed",
        ),
        pytest.param({"authorization": "dry-run"}, None, id="a dry run refuses nobody"),
        pytest.param({"mtls": Mtls()}, None, id="STRICT"),
        pytest.param({"in_mesh": False}, None, id="without a proxy nobody refuses"),
    ],
)
def test_plaintext_that_is_refused(changes: dict[str, Any], ports: str | None) -> None:
    said = (
        f"warning OBS123: service shop/checkout takes plaintext on port {ports}, but no caller without a certificate "
        "is declared: its AuthorizationPolicy asks for identities, and refuses whoever comes without one; "
        "declare them under external_callers with via: direct, or set mtls.mode to STRICT"
    )
    service = a_service(**{"ports": (HTTP, GRPC), "mtls": PLAIN, **changes})
    assert found(plaintext_refused_by_policy, service) == ([said] if ports else [])


def test_a_strict_mesh_names_who_is_outside_and_what_they_still_reach() -> None:
    legacy = a_service("legacy", in_mesh=False, calls=(*CALLS, Call(service="shop/open"), Call(service="shop/old")))
    old = a_service("old", in_mesh=False)
    services = (a_service(), a_service("open", mtls=PLAIN), legacy, old)
    assert found(strict_mesh_with_outsiders, *services, mesh=a_mesh(mtls=STRICT)) == [
        (
            "warning OBS126: mesh acme is STRICT everywhere, but shop/legacy, shop/old are outside of it: no workload "
            "with a proxy takes their calls, whether in this inventory or not, except shop/open; calls to them go on "
            "in plaintext; bring them into the mesh, or see that nobody else in the mesh is called by them"
        )
    ]
    (said,) = found(strict_mesh_with_outsiders, old, mesh=a_mesh(mtls=STRICT))
    assert "but shop/old is outside of it" in said
    assert "or not; calls to them go on in plaintext" in said


@pytest.mark.parametrize(
    ("mesh", "outside"),
    [
        pytest.param({"mtls": STRICT}, False, id="nobody is outside"),
        pytest.param({"mtls": MtlsDefault(mode="PERMISSIVE", reason="x")}, True, id="PERMISSIVE"),
        pytest.param({}, True, id="nothing is said for the mesh"),
    ],
)
def test_no_strict_mesh_with_outsiders(mesh: dict[str, Any], outside: bool) -> None:
    assert found(strict_mesh_with_outsiders, a_service(in_mesh=not outside), mesh=a_mesh(**mesh)) == []


BESIDE = " although requests arrive there, and each scrape counts among them as one that was not encrypted"


@pytest.mark.parametrize(
    ("changes", "mesh", "port", "beside", "merged"),
    [
        pytest.param({"metrics": SCRAPE}, {}, 9102, "", True, id="a port of its own"),
        pytest.param({"metrics": Metrics(port=8080, merged=False)}, {}, 8080, BESIDE, True, id="the port of requests"),
        pytest.param({"metrics": Metrics(port=9102)}, {"data_plane": "ambient"}, 9102, "", False, id="ambient"),
    ],
)
def test_scrapes_in_plaintext(
    changes: dict[str, Any], mesh: dict[str, Any], port: int, beside: str, merged: bool
) -> None:
    assert found(metrics_in_plaintext, a_service(**changes), mesh=a_mesh(**mesh)) == [
        (
            "warning OBS129: service shop/checkout has its metrics scraped by a Prometheus without a certificate: port "
            f"{port} takes plaintext{beside}; {'set metrics.merged to true, or ' if merged else ''}"
            "give Prometheus a certificate and its account in mesh.prometheus.service_account"
        )
    ]


@pytest.mark.parametrize(
    ("changes", "mesh"),
    [
        pytest.param({}, {}, id="no metrics"),
        pytest.param({"metrics": Metrics(port=9102)}, {}, id="merged"),
        pytest.param(
            {"metrics": SCRAPE}, {"prometheus": Prometheus(service_account="prometheus")}, id="with a certificate"
        ),
        pytest.param({"metrics": SCRAPE, "mtls": PLAIN}, {}, id="the exception was declared"),
        pytest.param({"metrics": SCRAPE, "in_mesh": False}, {}, id="no proxy"),
        pytest.param({"metrics": SCRAPE, "excluded_ports": ExcludedPorts(inbound=(9102,))}, {}, id="past the proxy"),
    ],
)
def test_no_scrapes_in_plaintext(changes: dict[str, Any], mesh: dict[str, Any]) -> None:
    assert found(metrics_in_plaintext, a_service(**changes), mesh=a_mesh(**mesh)) == []


@pytest.mark.parametrize(
    ("default", "said"),
    [
        pytest.param(STRICT, None, id="STRICT"),
        pytest.param(
            MtlsDefault(mode="PERMISSIVE", reason="Two teams move in."),
            "info OBS109: {} is PERMISSIVE by default: Two teams move in; go back to STRICT when the reason is gone",
            id="with a reason",
        ),
        pytest.param(
            MtlsDefault(mode="DISABLE"),
            "error OBS105: {} accepts plaintext by default (mTLS mode DISABLE) without a written reason; "
            "add mtls.reason, or set mtls.mode to STRICT",
            id="without one",
        ),
    ],
)
def test_exceptions_of_meshes_and_namespaces_are_exceptions(default: MtlsDefault, said: str | None) -> None:
    mesh = a_mesh(mtls=default, namespaces={"shop": Namespace(mtls=default), "web": Namespace()})
    everything = [*found(mtls_exception, mesh=mesh), *found(mtls_exception_without_reason, mesh=mesh)]
    assert everything == ([said.format(subject) for subject in ("mesh acme", "namespace shop")] if said else [])


def test_a_caller_that_goes_past_its_proxy_has_no_certificate() -> None:
    """Whichever port it dials; ztunnel catches every port."""
    past = a_service("past", calls=CALLS, excluded_ports=ExcludedPorts(outbound=(80,)))
    beside = a_service("beside", calls=CALLS, excluded_ports=ExcludedPorts(outbound=(8080,)))
    assert found(plaintext_caller_under_strict, a_service(), past, beside) == [
        (
            "error OBS107: service shop/checkout is under STRICT mTLS, but shop/past calls it past its proxy, without "
            "a client certificate: STRICT refuses that; take the port from shop/past's excluded_ports.outbound, or set "
            "shop/checkout's mtls.mode to PERMISSIVE with a reason"
        )
    ]
    assert found(plaintext_caller_under_strict, a_service(), past, mesh=a_mesh(data_plane="ambient")) == []


def test_what_goes_past_the_proxy_refuses_nobody() -> None:
    legacy = a_service("legacy", in_mesh=False, calls=CALLS)
    past = a_service(excluded_ports=ExcludedPorts(inbound=(8080,)), external_callers=(DIRECT,))
    assert found(plaintext_caller_under_strict, past, legacy) == []
    assert len(found(plaintext_caller_under_strict, past, legacy, mesh=a_mesh(data_plane="ambient"))) == 2
