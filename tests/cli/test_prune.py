"""`observe prune`: what the pack no longer holds, and what has expired, goes; nothing else does."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from observe import naming
from observe.clients.kube_login import connect
from observe.clients.kubernetes import KubernetesClient
from observe.inventory import load
from observe.pack import build
from observe.publish.targets.cluster import ClusterTarget
from tests.cli.conftest import SMALL
from tests.publish.samples import every_kind, fault
from tests.publish.targets.cluster_access import publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observe.artifact import Artifact
    from tests.conftest import Run
    from tests.servers.kubernetes_api import KubernetesApi

FILTERS = "/apis/networking.istio.io/v1alpha3/namespaces/{}/envoyfilters"


@pytest.fixture
def inventory(tmp_path: Path, namespace: str) -> Path:
    """The small inventory as a mesh of its own on the shared server."""
    path = tmp_path / "inventory.yaml"
    text = SMALL.replace("name: acme", f"name: {namespace}\n  prometheus: {{namespace: {namespace}}}")
    path.write_text(text.replace("namespace: shop", f"namespace: {namespace}"))
    return path


@pytest.fixture
def without_stock(inventory: Path) -> Callable[[], None]:
    """Take a service out of the inventory."""

    def remove() -> None:
        text = inventory.read_text()
        inventory.write_text(text[: text.index("  stock:")].replace("    calls: [{service: stock}]\n", ""))

    return remove


@pytest.fixture
def cluster(observe: Run, kubernetes_api: KubernetesApi, inventory: Path) -> Run:
    """`cluster(command, *options)`: a command on the cluster."""

    def run(command: str, *options: str, **more: Any) -> subprocess.CompletedProcess[str]:
        arguments = (command, "-i", str(inventory), "--to", "cluster", *options)
        return observe(*arguments, KUBECONFIG=str(kubernetes_api.kubeconfig), **more)

    return run


def put(api: KubernetesApi, artifact: Artifact) -> None:
    """An object of an earlier pack."""
    headers = {"Content-Type": "application/apply-patch+yaml"}
    assert artifact.identity is not None
    path = f"{FILTERS.format(artifact.identity.namespace)}/{artifact.identity.name}"
    params = {"fieldManager": naming.FIELD_MANAGER}
    api.request("PATCH", path, params=params, headers=headers, data=artifact.content).raise_for_status()


def filters(api: KubernetesApi, namespace: str) -> list[str]:
    found = api.request("GET", FILTERS.format(namespace)).json()["items"]
    return sorted(item["metadata"]["name"] for item in found)


def objects(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    (report,) = json.loads(done.stdout)
    return {f"{one['kind']} {one['name']}": one.get("result", one["action"]) for one in report["objects"]}


def test_what_the_pack_no_longer_holds_goes_and_nothing_is_created(
    kubernetes_api: KubernetesApi, namespace: str, cluster: Run, without_stock: Callable[[], None]
) -> None:
    """A fault that the inventory does not have, either, whatever its day says."""
    assert cluster("publish").returncode == 0
    put(kubernetes_api, fault(namespace, "old", expires="2999-12-31", mesh=namespace))
    put(kubernetes_api, fault(namespace, "theirs", expires="2001-01-01", mesh="bank"))
    without_stock()
    kubernetes_api.request(
        "DELETE", f"/apis/networking.istio.io/v1/namespaces/{namespace}/virtualservices/cart"
    ).raise_for_status()

    shown = cluster("prune", "--dry-run", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    assert "(dry run, nothing was written)" in shown.stderr
    gone = objects(shown)
    assert set(gone.values()) == {"delete"}
    assert {"EnvoyFilter old", "VirtualService stock", f"PrometheusRule {namespace}.stock"} <= gone.keys()
    assert not any("cart" in name or "theirs" in name for name in gone)
    assert filters(kubernetes_api, namespace) == ["old", "theirs"]

    done = cluster("prune", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert objects(done) == dict.fromkeys(gone, "deleted")
    assert "more to create or update, which observe publish does" in done.stderr
    assert filters(kubernetes_api, namespace) == ["theirs"]

    again = cluster("prune")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr.endswith("cluster: nothing to do\n")


def test_an_inventory_with_an_error_prunes_nothing(cluster: Run, inventory: Path) -> None:
    inventory.write_text(inventory.read_text().replace("calls: [{service: stock}]", "calls: [{service: cart}]"))
    done = cluster("prune")
    assert done.returncode == 1
    assert "OBS103" in done.stderr


def test_what_has_expired_goes_although_the_inventory_still_has_it(
    kubernetes_api: KubernetesApi, namespace: str, cluster: Run, inventory: Path
) -> None:
    """The expired fault is an error among the findings, and there is another one."""
    faults = "faults: [{name: slow, expires: 2001-01-01, delay: {duration: 1s, percent: 10}}]"
    text = inventory.read_text().replace("calls: [{service: stock}]", f"calls: [{{service: cart}}]\n    {faults}")
    inventory.write_text(text)
    refused = cluster("publish")
    assert (refused.returncode, "OBS130" in refused.stderr) == (1, True), refused.stderr
    (slow,) = (one for one in build(load(str(inventory))).artifacts if one.path.endswith("slow.yaml"))
    put(kubernetes_api, slow)
    put(kubernetes_api, fault(namespace, "lasting", expires="2999-12-31", mesh=namespace))
    put(kubernetes_api, fault(namespace, "theirs", expires="2001-01-01", mesh="bank"))

    shown = cluster("prune", "--expired", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "was to be there until 2001-01-01" in shown.stdout
    assert len(filters(kubernetes_api, namespace)) == 3

    done = cluster("prune", "--expired", "--format", "json")
    assert (done.returncode, [*objects(done).values()]) == (0, ["deleted"]), done.stderr
    assert filters(kubernetes_api, namespace) == ["lasting", "theirs"]

    again = cluster("prune", "--expired")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "cluster: nothing to do\n")


def test_expired_objects_are_looked_for_in_the_cluster_alone_unless_another_target_is_named(
    kubernetes_api: KubernetesApi, observe: Run, inventory: Path
) -> None:
    """Nothing in Grafana expires: a schedule needs no credentials for it."""
    arguments = ("prune", "--expired", "-i", str(inventory))
    done = observe(*arguments, KUBECONFIG=str(kubernetes_api.kubeconfig))
    assert (done.returncode, done.stderr) == (0, "cluster: nothing to do\n")
    done = observe(*arguments, "-o", "pack")
    assert (done.returncode, done.stderr) == (0, "directory: nothing to do\n")


def test_a_day_that_nobody_can_read_is_told_and_fails(
    kubernetes_api: KubernetesApi, namespace: str, cluster: Run
) -> None:
    put(kubernetes_api, fault(namespace, "odd", expires="soon", mesh=namespace))
    done = cluster("prune", "--expired")
    assert done.returncode == 3
    assert "its annotation observe/expires says 'soon', which is no day" in done.stdout
    put(kubernetes_api, fault(namespace, "old", expires="2001-01-01", mesh=namespace))
    assert cluster("prune", "--expired").returncode == 4
    assert filters(kubernetes_api, namespace) == ["odd"]


def test_who_may_not_see_everything_is_told_rather_than_reassured(
    kubernetes_api: KubernetesApi, namespace: str, observe: Run, inventory: Path
) -> None:
    """A schedule that may not look at faults would otherwise report that there are none."""
    rules = [{"apiGroups": ["networking.istio.io"], "resources": ["sidecars"], "verbs": ["list"]}]
    user = kubernetes_api.user("reader", rules, namespace)
    done = observe("prune", "--expired", "-i", str(inventory), KUBECONFIG=str(user.kubeconfig))
    assert done.returncode == 3
    assert "cannot list resource" in done.stderr


@pytest.fixture
def many(kubernetes_api: KubernetesApi, namespace: str) -> list[str]:
    """Far more objects of the pack than the inventory has."""
    names = [f"f{number:02}" for number in range(60)]
    for name in names:
        put(kubernetes_api, fault(namespace, name, expires="2001-01-01", mesh=namespace))
    return names


@pytest.mark.parametrize("command", [("prune",), ("publish", "--prune")])
def test_most_of_what_is_there_is_not_deleted_unasked(
    command: tuple[str, ...], kubernetes_api: KubernetesApi, namespace: str, cluster: Run, many: list[str]
) -> None:
    """A wrong inventory under the right name looks like this. Nothing at all is written."""
    done = cluster(*command)
    assert done.returncode == 2
    assert done.stderr.endswith(
        "observe: cluster: 60 of 60 objects would be deleted: look at them with --dry-run, and say --yes when that"
        " is right; nothing was written\n"
    )
    assert filters(kubernetes_api, namespace) == many
    assert cluster(*command, "--dry-run").returncode == 0, "to look is always free"
    assert cluster(*command, "--yes").returncode == 0
    assert filters(kubernetes_api, namespace) == []


@pytest.mark.usefixtures("many")
def test_what_has_expired_needs_no_confirmation(kubernetes_api: KubernetesApi, namespace: str, cluster: Run) -> None:
    assert cluster("prune", "--expired").returncode == 0
    assert filters(kubernetes_api, namespace) == []


def on_a_terminal(answer: bytes, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run the program on a terminal, and answer its question."""
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "observe", *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    said, answered = b"", False
    with suppress(OSError):  # the terminal is gone with the program
        while part := os.read(master, 4096):
            said += part
            if b"[y/N]" in said and not answered:
                answered = os.write(master, answer) > 0
    os.close(master)
    return program.wait(60), said.decode()


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 2, 60), (b"y\n", 0, 0)])
@pytest.mark.usefixtures("many")
def test_on_a_terminal_a_person_is_asked(
    answer: bytes, code: int, left: int, kubernetes_api: KubernetesApi, namespace: str, inventory: Path, tmp_path: Path
) -> None:
    environment = {"HOME": str(tmp_path), "KUBECONFIG": str(kubernetes_api.kubeconfig), "TERM": "dumb"}
    arguments = ["prune", "-i", str(inventory), "--to", "cluster"]
    returned, said = on_a_terminal(answer, arguments, environment)
    assert "cluster: 60 of 60 objects would be deleted. Go on? [y/N]" in said
    assert returned == code, said
    assert len(filters(kubernetes_api, namespace)) == left


@pytest.mark.usefixtures("inventory")
def test_a_folder_is_pruned_like_any_target(observe: Run, tmp_path: Path, without_stock: Callable[[], None]) -> None:
    assert observe("build", "-o", "pack").returncode == 0
    without_stock()
    done = observe("prune", "-o", "pack", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert "File alerts/" in next(iter(objects(done)))
    assert not list((tmp_path / "pack").rglob("stock*"))
    assert "stock/" not in (tmp_path / "pack/observe-pack.json").read_text()
    assert observe("prune", "-o", "pack").stderr.endswith("directory: nothing to do\n")


def test_the_kinds_of_every_sample_are_removed_from_a_live_cluster(
    kubernetes_api: KubernetesApi, namespace: str, cluster: Run
) -> None:
    """What an earlier pack held of kinds that this one does not have is found: faults, gateways, routes, limits."""
    client = KubernetesClient(connect({"KUBECONFIG": str(kubernetes_api.kubeconfig)}))
    held = every_kind(namespace, mesh=namespace)
    target = ClusterTarget(client, mesh=namespace)
    publish(target, held)
    done = cluster("prune", "--yes", "--format", "json", "--settle", "0")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)[0]["objects"]) == len(held)
    assert target.owned() == {}
