"""What sidecars ask for: who says it, in which order, and that Kubernetes would take it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.istio.install.containers import Container, Sidecars
from observe.istio.install.sizing import Fleet
from observe.model import Call, Installation, Resources, Service
from observe.model.quantity import parse_cpu, parse_memory
from tests.samples import a_mesh, a_service, an_inventory

ISTIOS_LIMITS = ("2", "1Gi")


def of_all(*services: Service, **proxy: str) -> Container:
    return Sidecars(fleet(*services, **proxy)).usual


def fleet(*services: Service, **proxy: str) -> Fleet:
    return Fleet(an_inventory(*services, mesh=a_mesh(installation=Installation(proxy=Resources(**proxy)))))


def of_one(service: Service, **proxy: str) -> Container:
    return Sidecars(fleet(service, **proxy)).of(service)


def test_small_meshes_get_about_what_istio_gives_by_itself() -> None:
    assert of_all(a_service()).amounts == ("100m", "128Mi", *ISTIOS_LIMITS)


def test_all_sidecars_ask_for_what_the_inventory_says_of_all() -> None:
    found = of_all(a_service(), cpu="50m", memory="96Mi", cpu_limit="1", memory_limit="512Mi")
    assert found.amounts == ("50m", "96Mi", "1", "512Mi")
    assert found.memory_limit.origin.path == ("mesh", "installation", "proxy", "memory_limit")


def test_services_without_needs_of_their_own_ask_for_what_all_ask_for() -> None:
    service = a_service()
    assert of_one(service) == of_all(service)
    assert of_one(service, memory="1Gi") == of_all(service, memory="1Gi")


@pytest.mark.parametrize(
    ("peak", "amounts"),
    [
        (300, ("100m", "128Mi", *ISTIOS_LIMITS)),
        (1_000, ("150m", "128Mi", *ISTIOS_LIMITS)),
        (9_000, ("1050m", "128Mi", "2100m", "1Gi")),
    ],
)
def test_a_peak_is_shared_by_the_pods(peak: int, amounts: tuple[str, ...]) -> None:
    found = of_one(a_service(peak_rps=peak, replicas=3))
    assert found.amounts == amounts
    if found.cpu.value != "100m":
        assert found.cpu.origin.path == ("services", "checkout", "peak_rps")


def test_a_proxy_that_knows_much_of_the_mesh_gets_memory_for_it() -> None:
    callees = [a_service(f"callee-{number:03}", replicas=10) for number in range(400)]
    caller = a_service("caller", calls=tuple(Call(service=callee.id) for callee in callees))
    sidecars = Sidecars(fleet(caller, *callees))
    found = sidecars.of(caller)
    assert found.amounts == ("100m", "192Mi", *ISTIOS_LIMITS)
    assert "400 clusters" in found.memory.origin.why
    assert "4000 endpoints" in found.memory.origin.why
    assert sidecars.usual.memory.value == "128Mi"


OWN = Resources(cpu="300m", memory="256Mi")


def test_the_services_own_amounts_come_first() -> None:
    found = of_one(a_service(proxy=OWN, peak_rps=100_000), cpu="50m", memory="96Mi", memory_limit="512Mi")
    assert found.amounts == ("300m", "256Mi", "2", "512Mi")
    assert found.cpu.origin.path == ("services", "checkout", "proxy", "cpu")


def test_a_limit_of_all_gives_way_to_a_request_of_ones_own() -> None:
    """Kubernetes would refuse every pod of the service."""
    found = of_one(a_service(proxy=Resources(memory="800Mi", cpu="1500m")), cpu_limit="1", memory_limit="512Mi")
    assert found.amounts == ("1500m", "800Mi", "3", "1600Mi")
    assert found.memory_limit.origin.why == "twice what it asks for"


def test_a_request_that_nobody_declared_gives_way_to_a_declared_limit() -> None:
    found = of_one(a_service(proxy=Resources(memory_limit="64Mi", cpu_limit="50m")))
    assert found.amounts == ("50m", "64Mi", "50m", "64Mi")
    assert found.memory.origin.path == ("services", "checkout", "proxy", "memory_limit")


CPU = st.sampled_from([None, "0", "10m", "250m", "0.5", "1", "2.5", "16"])
MEMORY = st.sampled_from([None, "0Mi", "500Ki", "64Mi", "100Mi", "1Gi", "3Gi"])


@st.composite
def resources(draw: st.DrawFn) -> Resources:
    fields: dict[str, Any] = {"cpu": draw(CPU), "memory": draw(MEMORY)}
    fields |= {"cpu_limit": draw(CPU), "memory_limit": draw(MEMORY)}
    try:
        return Resources(**fields)
    except ValueError:
        return Resources()


@given(resources(), resources(), st.none() | st.integers(1, 1_000_000))
def test_no_request_is_above_its_limit_whoever_said_what(of_mesh: Resources, own: Resources, peak: int | None) -> None:
    service = a_service(proxy=own, peak_rps=peak)
    inventory = an_inventory(service, mesh=a_mesh(installation=Installation(proxy=of_mesh)))
    sidecars = Sidecars(Fleet(inventory))
    for found in (sidecars.usual, sidecars.of(service)):
        assert parse_cpu(found.cpu.value) <= parse_cpu(found.cpu_limit.value)
        assert parse_memory(found.memory.value) <= parse_memory(found.memory_limit.value)
