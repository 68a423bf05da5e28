"""The order of kinds: which must be there before which, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from observe.artifact import Kind
from observe.clients.kube_resource import Resource
from observe.model import MtlsDefault, Namespace
from observe.pack import build
from observe.publish.target import Key
from observe.publish.targets.kinds import FOR_ALL, KINDS, NETWORKING, SECURITY, phase
from tests.publish.samples import GATEWAY_API, every_kind
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from observe.pack import Pack

BEFORE = [
    ("AuthorizationPolicy web", "VirtualService web", "a new caller is admitted before requests flow"),
    ("AuthorizationPolicy web", "HTTPRoute web", "likewise"),
    ("AuthorizationPolicy web", "PeerAuthentication web", "who may come without identity is said before plaintext is"),
    ("PeerAuthentication web", "VirtualService web", "requests flow when it is settled how"),
    ("DestinationRule web", "VirtualService web", "routes name its subsets"),
    ("DestinationRule web", "ServiceEntry web", "a plain port that leads to TLS needs the TLS"),
    ("ServiceEntry web", "VirtualService web", "it is routed to"),
    ("ServiceEntry web", "Sidecar web", "what is narrowed to must be known"),
    ("Sidecar web", "VirtualService web", "a host is visible before a route leads there"),
    ("Certificate web", "Gateway web", "its Secret is the gateway's"),
    ("Gateway web", "VirtualService web", "the route hangs on it"),
    ("Gateway web", "HTTPRoute web", "likewise"),
    ("ReferenceGrant web", "HTTPRoute web", "the route refers across namespaces"),
    ("ConfigMap web", "EnvoyFilter web", "the limits are known before anybody asks for them"),
    ("EnvoyFilter web", "VirtualService web", "limits are there before requests are"),
    ("AuthorizationPolicy web", "AuthorizationPolicy default-deny", "what is admitted is, before all else is refused"),
    ("Gateway web", "AuthorizationPolicy default-deny", "and waypoints know it"),
    ("PeerAuthentication web", "PeerAuthentication default", "exceptions before what they are exceptions from"),
]


def phase_of(named: str) -> int:
    kind, name = named.split()
    return phase(Key(kind, "shop", name))


@pytest.mark.parametrize(("first", "then", "why"), BEFORE)
def test_what_is_there_first_and_goes_last(first: str, then: str, why: str) -> None:
    assert phase_of(first) < phase_of(then), why


def test_nothing_builds_on_these() -> None:
    """A failure of one of them keeps nothing else from being published."""
    loose = {resource.kind for resource in KINDS if phase(Key(resource.kind, "shop", "web")) == 0}
    assert loose == {"ConfigMap", "Telemetry", "Certificate", "PrometheusRule"}


def test_no_kind_is_listed_in_two_versions() -> None:
    """The server would show each object in both of them."""
    assert max(Counter(resource.full_name for resource in KINDS).values()) == 1


def test_gateways_of_both_groups_are_listed() -> None:
    assert {Resource(NETWORKING, "Gateway"), Resource(f"{GATEWAY_API}/v1", "Gateway")} <= {*KINDS}


def test_the_samples_have_every_kind() -> None:
    made = {Resource(one.identity.api_version, one.identity.kind) for one in every_kind("shop") if one.identity}
    assert made == {*KINDS}
    assert Resource(SECURITY, "AuthorizationPolicy") in made


def test_every_kind_of_a_pack_is_listed(shop_pack: Pack) -> None:
    """What is left of a kind that is not listed would stay for ever."""
    identities = [one.identity for one in shop_pack.artifacts if one.kind is Kind.MANIFEST and one.identity]
    assert {Resource(one.api_version, one.kind) for one in identities} <= {*KINDS}


def test_policies_that_hold_for_all_come_after_those_of_their_own() -> None:
    """They are known by their names, which deletions have too: the policies without a selector, and no others."""
    strict = MtlsDefault(mode="STRICT")
    mesh = a_mesh(mtls=strict, namespaces={"shop": Namespace(mtls=strict, default_deny=True)})
    pack = build(an_inventory(a_service(), mesh=mesh))
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for artifact in pack.artifacts:
        if artifact.identity and artifact.identity.api_version == SECURITY:
            spec = yaml.safe_load(artifact.content)["spec"]
            found["selector" not in spec].add(artifact.path)
            known = artifact.identity
            last = phase(Key(known.kind, known.namespace, known.name)) == FOR_ALL
            assert last is ("selector" not in spec), artifact.path
    assert (len(found[True]), len(found[False])) == (3, 2)
