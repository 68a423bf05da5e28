"""Every alert reaches its team's page or ticket, and none is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.synthetic import inventory as synthetic
from observe.inventory import load
from observe.model import Prometheus
from observe.render.alertmanager import configuration_file
from observe.render.text import to_yaml
from tests.alertmanager.samples import configured
from tests.conftest import EXAMPLES
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from observe.alertmanager import Route
    from observe.model import Inventory
    from tests.servers.alertmanager_server import Amtool

HOSTILE = ("null", "123", "1e3", "on", "a.b_c-D", "Team_X", "a-page", "x" * 63)
"""Owners that YAML, a regular expression or the names of receivers could take for something else."""


def route_of(inventory: Inventory, **labels: str) -> Route:
    return configured(inventory).route.find({"mesh": inventory.mesh.name, **labels})


def written(path: Path, inventory: Inventory) -> Path:
    path.write_bytes(to_yaml(configuration_file(configured(inventory))))
    return path


def receiver(amtool: Amtool, path: Path, labels: Mapping[str, str]) -> str:
    tested = amtool.routes_test(path, labels)
    assert tested.returncode == 0, tested.stderr
    return tested.stdout.strip()


def fleet(path: Path, services: int) -> Inventory:
    path.write_text(synthetic(services))
    return load(str(path))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"team": "team-a", "severity": "critical"}, "team-a-page"),
        ({"team": "team-a", "severity": "warning"}, "team-a-ticket"),
        ({"team": "team-a"}, "team-a-ticket"),
        ({"team": "core", "severity": "critical"}, "core-page"),
        ({"team": "core", "severity": "warning"}, "core-ticket"),
        ({"team": "nobody", "severity": "critical"}, "core-page"),
        ({"team": "nobody", "severity": "warning"}, "core-ticket"),
        ({"severity": "critical"}, "core-page"),
        ({"team": "team-a", "severity": "critical", "mesh": "other"}, "default"),
        ({"team": "team-a", "severity": "critical", "mesh": ""}, "default"),
    ],
)
def test_an_alert_goes_to_its_team(labels: dict[str, str], expected: str) -> None:
    """And where its team is unknown, to the mesh's owner; of other meshes nothing is taken."""
    inventory = an_inventory(a_service(owner="team-a"), mesh=a_mesh(owner="core"))
    assert route_of(inventory, **labels).receiver == expected


def test_a_page_waits_for_one_scrape_and_one_evaluation(shop: Inventory) -> None:
    slow = Prometheus(scrape_interval=20_000, evaluation_interval=60_000)
    quick = Prometheus(scrape_interval=1_000, evaluation_interval=1_000)
    for prometheus, seconds in ((Prometheus(), 45), (slow, 80), (quick, 30)):
        inventory = replace(shop, mesh=replace(shop.mesh, prometheus=prometheus))
        assert route_of(inventory, team="orders", severity="critical").delivery.wait == seconds * 1000


def test_each_service_is_an_incident_of_its_own(shop: Inventory) -> None:
    """And so is each matter of the mesh's own: see `INCIDENT`."""
    for severity in ("critical", "warning"):
        grouped = route_of(shop, team="orders", severity=severity).group_by
        assert grouped == ("mesh", "namespace", "service", "category")


def test_receivers_are_there_once_and_have_no_integrations(shop: Inventory) -> None:
    config = configuration_file(configured(shop))
    names = [receiver["name"] for receiver in config["receivers"]]
    assert len(names) == len(set(names))
    assert names[:2] == ["default", "platform-ticket"]
    assert all(list(receiver) == ["name"] for receiver in config["receivers"])


def test_the_route_of_a_mesh_stands_on_its_own(shop: Inventory) -> None:
    """It takes nothing from the root, so that it means the same below another one."""
    (ours,) = configuration_file(configured(shop))["route"]["routes"]
    assert {key: ours[key] for key in ours if key != "routes"} == {
        "matchers": ['mesh="shop"'],
        "receiver": "platform-ticket",
        "group_by": ["mesh", "namespace", "service", "category"],
        "group_wait": "5m",
        "group_interval": "30m",
        "repeat_interval": "24h",
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_amtool_routes_every_team_of_the_examples(amtool: Amtool, tmp_path: Path, example: Path) -> None:
    inventory = load(str(example))
    path = written(tmp_path / "alertmanager.yaml", inventory)
    assert amtool.check_config(path).returncode == 0
    for team in sorted({service.owner for service in inventory.services} | {inventory.mesh.owner}):
        for severity, kind in (("critical", "page"), ("warning", "ticket")):
            labels = {"mesh": inventory.mesh.name, "team": team, "severity": severity}
            assert receiver(amtool, path, labels) == f"{team}-{kind}"
    nobody = {"mesh": inventory.mesh.name, "team": "nobody", "severity": "critical"}
    assert receiver(amtool, path, nobody) == f"{inventory.mesh.owner}-page"
    assert receiver(amtool, path, {**nobody, "mesh": "other"}) == "default"


def test_amtool_takes_owners_with_any_name(amtool: Amtool, tmp_path: Path) -> None:
    """Each as it is written: `a.b_c-D` is not `axb_c-D`, and `null` is a name."""
    services = [a_service(f"s{number}", owner=owner) for number, owner in enumerate(HOSTILE)]
    path = written(tmp_path / "alertmanager.yaml", an_inventory(*services))
    checked = amtool.check_config(path)
    assert checked.returncode == 0, checked.stderr
    for owner in HOSTILE:
        labels = {"mesh": "acme", "team": owner, "severity": "critical"}
        assert receiver(amtool, path, labels) == f"{owner}-page"
    assert receiver(amtool, path, {"mesh": "acme", "team": "axb_c-D", "severity": "critical"}) == "platform-page"


def test_the_file_of_a_fleet_is_accepted_and_small(amtool: Amtool, tmp_path: Path) -> None:
    """Kubernetes takes 1 MiB in a Secret, where Alertmanager's configuration lies; a rule for each two of
    1,000 services would be 2.8 MB.
    """
    for services, most in ((187, 200_000), (1000, 1_000_000)):
        inventory = fleet(tmp_path / f"{services}.yaml", services)
        path = written(tmp_path / f"alertmanager-{services}.yaml", inventory)
        checked = amtool.check_config(path)
        assert checked.returncode == 0, checked.stderr
        assert path.stat().st_size < most
        assert len(configured(inventory).inhibitions) <= 4 + 3 * services
