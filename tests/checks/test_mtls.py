"""OBS105, OBS107 and OBS109: who speaks plaintext, who accepts it, and why."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import mtls_exception, mtls_exception_without_reason, plaintext_caller_under_strict
from observe.model import Call, ExternalCaller, Mtls, Port
from tests.checks.finds import found
from tests.samples import a_mesh, a_service

DIRECT = ExternalCaller(name="Payment provider", via="direct")
THROUGH_INGRESS = ExternalCaller(name="Browsers")
TWO_PORTS = (Port(name="http", number=80, target_port=8080), Port(name="hooks", number=81, target_port=8081))
REASON = "it has no certificate"


def an_exception(*ports: int, mode: Any = "PERMISSIVE") -> Mtls:
    return Mtls(mode=mode, ports=ports, reason=REASON)


@pytest.mark.parametrize("mode", ["PERMISSIVE", "DISABLE"])
def test_exception_without_a_reason_is_an_error(mode: Any) -> None:
    assert found(mtls_exception_without_reason, a_service(mtls=Mtls(mode=mode))) == [
        (
            f"error OBS105: service shop/checkout accepts plaintext (mTLS mode {mode}) without a written reason; "
            "add mtls.reason, or set mtls.mode to STRICT"
        )
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="STRICT needs none"),
        pytest.param({"mtls": an_exception()}, id="it has one"),
        pytest.param({"mtls": Mtls(mode="PERMISSIVE"), "in_mesh": False}, id="without a proxy there is no mode"),
    ],
)
def test_no_exception_without_a_reason(changes: dict[str, Any]) -> None:
    assert found(mtls_exception_without_reason, a_service(**changes)) == []


@pytest.mark.parametrize(
    ("mtls", "said"),
    [
        (an_exception(), "is PERMISSIVE: it has no certificate"),
        (an_exception(mode="DISABLE"), "is DISABLE: it has no certificate"),
        (an_exception(8081, 8080), "is PERMISSIVE on port 8080, 8081: it has no certificate"),
    ],
)
def test_exception_in_force_is_listed(mtls: Mtls, said: str) -> None:
    (message,) = found(mtls_exception, a_service(mtls=mtls, ports=TWO_PORTS))
    assert message == f"info OBS109: service shop/checkout {said}; go back to STRICT when the reason is gone"


@pytest.mark.parametrize("mtls", [Mtls(), Mtls(mode="PERMISSIVE"), Mtls(reason=REASON)])
def test_nothing_is_listed_twice(mtls: Mtls) -> None:
    """STRICT is no exception, and one without a reason is OBS105."""
    assert found(mtls_exception, a_service(mtls=mtls)) == []


def test_direct_caller_under_strict_is_cut_off() -> None:
    webhook = a_service("webhook", external_callers=(THROUGH_INGRESS, DIRECT))
    assert found(plaintext_caller_under_strict, webhook) == [
        (
            "error OBS107: service shop/webhook is under STRICT mTLS, but Payment provider calls it directly from "
            "outside, without a client certificate: STRICT refuses that; route it through the ingress gateway, or set "
            "shop/webhook's mtls.mode to PERMISSIVE with a reason"
        )
    ]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"external_callers": (THROUGH_INGRESS,)}, 0, id="the ingress gateway has a certificate"),
        pytest.param({"external_callers": (DIRECT, DIRECT)}, 2, id="each caller"),
        pytest.param({"external_callers": (DIRECT,), "mtls": an_exception()}, 0, id="PERMISSIVE"),
        pytest.param({"external_callers": (DIRECT,), "mtls": an_exception(mode="DISABLE")}, 0, id="DISABLE"),
        pytest.param({"external_callers": (DIRECT,), "mtls": an_exception(8081)}, 0, id="one of two ports is enough"),
        pytest.param(
            {"external_callers": (DIRECT,), "mtls": an_exception(81)}, 1, id="the Service's port is not enough"
        ),
        pytest.param({"external_callers": (DIRECT,), "in_mesh": False}, 0, id="without a proxy nobody is refused"),
    ],
)
def test_direct_callers(changes: dict[str, Any], count: int) -> None:
    assert len(found(plaintext_caller_under_strict, a_service(ports=TWO_PORTS, **changes))) == count


def test_caller_outside_the_mesh_is_cut_off() -> None:
    legacy = a_service("legacy", in_mesh=False, calls=(Call(service="shop/checkout"),))
    assert found(plaintext_caller_under_strict, legacy, a_service()) == [
        (
            "error OBS107: service shop/checkout is under STRICT mTLS, but shop/legacy calls it from outside the mesh, "
            "without a client certificate: STRICT refuses that; bring the caller into the mesh, or set shop/checkout's "
            "mtls.mode to PERMISSIVE with a reason"
        )
    ]


@pytest.mark.parametrize(
    ("port", "mtls", "count"),
    [
        pytest.param(80, Mtls(), 1, id="STRICT"),
        pytest.param(80, an_exception(), 0, id="PERMISSIVE"),
        pytest.param(81, an_exception(8081), 0, id="dials the excepted port"),
        pytest.param(80, an_exception(8081), 1, id="dials another one"),
        pytest.param(None, an_exception(8081), 0, id="does not say which, which is OBS102"),
        pytest.param(99, an_exception(8081), 0, id="dials a port that is not there, which is OBS102"),
    ],
)
def test_calls_from_outside_the_mesh(port: int | None, mtls: Mtls, count: int) -> None:
    legacy = a_service("legacy", in_mesh=False, calls=(Call(service="shop/checkout", port=port),))
    assert len(found(plaintext_caller_under_strict, legacy, a_service(ports=TWO_PORTS, mtls=mtls))) == count


def test_exception_that_is_too_narrow_is_to_be_widened() -> None:
    legacy = a_service("legacy", in_mesh=False, calls=(Call(service="shop/checkout", port=80),))
    (message,) = found(plaintext_caller_under_strict, legacy, a_service(ports=TWO_PORTS, mtls=an_exception(8081)))
    assert message.endswith("; bring the caller into the mesh, or add the container port to shop/checkout's mtls.ports")


def test_callers_with_a_proxy_have_a_certificate() -> None:
    caller = a_service("caller", calls=(Call(service="shop/checkout"),))
    assert found(plaintext_caller_under_strict, caller, a_service()) == []


def test_ambient_meshes_refuse_the_same() -> None:
    """Ztunnel enforces PeerAuthentication as a sidecar does."""
    webhook = a_service("webhook", external_callers=(DIRECT,))
    assert len(found(plaintext_caller_under_strict, webhook, mesh=a_mesh(data_plane="ambient"))) == 1
