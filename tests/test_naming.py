"""Generated names: valid where they are used, distinct for distinct things."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from observe import naming

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(labels, labels, labels)
def test_uid_is_one_that_grafana_and_kubernetes_accept(mesh: str, namespace: str, service: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", naming.service_uid(mesh[:30], namespace, service))


@given(st.lists(st.tuples(labels, labels), min_size=2, max_size=2, unique=True))
def test_different_services_have_different_names(pair: list[tuple[str, str]]) -> None:
    first, second = pair
    assert naming.service_uid("m", *first) != naming.service_uid("m", *second)
    assert naming.rule_object(*first) != naming.rule_object(*second)
    assert naming.rule_path(*first) != naming.rule_path(*second)
    assert naming.manifest_path(*first, "VirtualService") != naming.manifest_path(*second, "VirtualService")


@given(labels, labels)
def test_mesh_names_are_never_a_services(mesh: str, service: str) -> None:
    assert naming.mesh_rule_object(mesh) != naming.rule_object(mesh, service)
    assert naming.rule_path(mesh, service) != naming.MESH_RULE_PATH


def test_two_meshes_on_one_grafana_do_not_meet() -> None:
    assert naming.overview_uid("east") != naming.overview_uid("west")


def test_hash_tag_is_read_back() -> None:
    assert naming.hash_of_tags(["observe", naming.hash_tag("0123abcd")]) == "0123abcd"
    assert naming.hash_of_tags(["observe"]) is None


def test_panel_id_depends_on_its_key_alone() -> None:
    assert naming.panel_id("error-ratio-5m") == naming.panel_id("error-ratio-5m") != naming.panel_id("error-ratio-2m")


def test_manifest_file_is_named_as_the_kind_is_spoken() -> None:
    assert naming.manifest_path("shop", "cart", "PeerAuthentication") == "istio/shop/cart/peer-authentication.yaml"
