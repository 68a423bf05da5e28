"""The files of the stack, judged by the programs that read them; there is no Docker in it but for its own parser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from observe import naming
from observe.artifact import Kind
from observe.render import rules
from stack.prepare import GRAFANA, prepare
from tests.conftest import ROOT
from tests.servers.fixtures import require
from tests.servers.grafana_server import GrafanaServer
from tests.servers.processes import accepted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from observe.model import Inventory
    from observe.pack import Pack
    from tests.servers.alertmanager_server import Amtool
    from tests.servers.prometheus_server import Promtool

STACK = ROOT / "stack"
COMPOSE: dict[str, Any] = yaml.safe_load((STACK / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def generated(shop: Inventory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the containers read."""
    folder = tmp_path_factory.mktemp("stack") / "generated"
    prepare(shop, folder)
    return folder


def mounts(service: str) -> dict[str, str]:
    """Folders and files of the stack by where a container finds them."""
    pairs = (volume.removesuffix(":ro").rsplit(":", 1) for volume in COMPOSE[service]["volumes"])
    return {target: source for source, target in pairs}


def here(service: str, path: str, generated: Path) -> Path:
    """What a container finds at a path."""
    for target, source in sorted(mounts(service).items(), reverse=True):
        if path == target or path.startswith(f"{target}/"):
            root = generated / source.removeprefix("./generated/") if "generated" in source else STACK / source
            return root / path.removeprefix(target).lstrip("/")
    raise AssertionError(f"{service} has nothing at {path}")


def option(service: str, name: str) -> str:
    (found,) = (word for word in COMPOSE[service]["command"] if word.startswith(f"--{name}="))
    return str(found).partition("=")[2]


def test_rules_are_those_of_the_pack_as_plain_files(generated: Path, shop_pack: Pack) -> None:
    """But for links, which lead to the Grafana of the stack."""
    objects = [
        yaml.safe_load(artifact.content)
        for artifact in shop_pack.artifacts
        if artifact.identity and artifact.identity.kind == rules.KIND
    ]
    found = {path.stem: path.read_text() for path in (generated / "rules").iterdir()}
    assert found.keys() == {one["metadata"]["name"] for one in objects}
    for one in objects:
        plain = found[one["metadata"]["name"]]
        assert json.dumps(yaml.safe_load(plain)) == json.dumps(one["spec"]).replace(
            "https://grafana.example.com", GRAFANA
        )


def test_dashboards_are_those_of_the_pack(generated: Path, shop_pack: Pack) -> None:
    boards = {artifact.path for artifact in shop_pack.artifacts if artifact.kind is Kind.DASHBOARD}
    assert {str(path.relative_to(generated)) for path in (generated / "dashboards").iterdir()} == boards


def test_what_was_there_before_is_gone(shop: Inventory, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "of-another-inventory.yaml").write_text("groups: []")
    prepare(shop, tmp_path)
    assert not (tmp_path / "rules" / "of-another-inventory.yaml").exists()


def test_prometheus_takes_its_configuration_with_all_rules(promtool: Promtool, generated: Path, tmp_path: Path) -> None:
    path = option("prometheus", "config.file")
    shutil.copy(here("prometheus", path, generated), tmp_path / "prometheus.yml")
    (named,) = yaml.safe_load((tmp_path / "prometheus.yml").read_text())["rule_files"]
    folder = path.rsplit("/", 1)[0]
    shutil.copytree(here("prometheus", f"{folder}/{named.removesuffix('/*.yaml')}", generated), tmp_path / "rules")
    checked = promtool.check_config(tmp_path / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    files = len(list((generated / "rules").iterdir()))
    assert f"{files} rule files found" in checked.stdout


def test_alertmanager_takes_its_configuration(amtool: Amtool, generated: Path) -> None:
    checked = amtool.check_config(here("alertmanager", option("alertmanager", "config.file"), generated))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def grafana(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrafanaServer]:
    """Grafana with what the container gets: environment and provisioning, only that paths are of this machine."""
    require("grafana")
    folder = tmp_path_factory.mktemp("grafana")
    environment = {name: value for name, value in COMPOSE["grafana"]["environment"].items() if "URL" not in name}
    home = "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    environment[home] = str(here("grafana", environment[home], generated))
    shutil.copytree(here("grafana", "/etc/grafana/provisioning", generated), folder / "copy")
    provider = folder / "copy" / "dashboards" / "pack.yaml"
    (path,) = re.findall(r"path: (/\S+)", provider.read_text())
    boards = here("grafana", path, generated)
    provider.write_text(provider.read_text().replace(path, str(boards)))
    with GrafanaServer(
        folder / "server", provisioned=boards, provisioning=folder / "copy", settings=environment
    ) as server:
        yield server


def visitor(grafana: GrafanaServer, path: str) -> requests.Response:
    """What somebody sees who has not logged in."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(grafana.url + path, timeout=30)


def test_grafana_has_the_data_source_that_asks_the_stacks_prometheus(grafana: GrafanaServer) -> None:
    (source,) = accepted(grafana.request("GET", "/api/datasources")).json()
    assert (source["uid"], source["type"], source["isDefault"]) == ("prometheus", "prometheus", True)
    host, port = source["url"].removeprefix("http://").split(":")
    assert any(published.endswith(f":{port}") for published in COMPOSE[host]["ports"])


def test_a_visitor_finds_all_dashboards_and_begins_at_the_overview(
    grafana: GrafanaServer, shop: Inventory, shop_pack: Pack
) -> None:
    boards = {one.identity.name for one in shop_pack.artifacts if one.kind is Kind.DASHBOARD and one.identity}
    found = accepted(visitor(grafana, "/api/search?type=dash-db&limit=5000")).json()
    assert {board["uid"] for board in found} == boards
    home = accepted(visitor(grafana, "/api/dashboards/home")).json()
    assert home["dashboard"]["uid"] == naming.overview_uid(shop.mesh.name)


def test_a_visitor_changes_nothing(grafana: GrafanaServer) -> None:
    with requests.Session() as session:
        session.trust_env = False
        made = session.post(f"{grafana.url}/api/folders", json={"title": "mine"}, timeout=30)
    assert made.status_code in (401, 403)


def test_everything_listens_on_this_machine_alone() -> None:
    published = [port for service in COMPOSE.values() for port in service["ports"]]
    assert len(published) == len(COMPOSE)
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_images_are_pinned() -> None:
    images = [service["image"] for service in COMPOSE.values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", (STACK / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == 5
    for image in images:
        assert re.fullmatch(r"[a-z/]+:v?[0-9]+\.[0-9]+\S*", image), image


def test_prometheus_names_the_containers_and_their_ports() -> None:
    config = yaml.safe_load((STACK / "prometheus.yml").read_text())
    (scraped,) = config["scrape_configs"]
    (alertmanagers,) = config["alerting"]["alertmanagers"]
    for static in (*scraped["static_configs"], *alertmanagers["static_configs"]):
        for target in static["targets"]:
            host, port = target.split(":")
            assert COMPOSE[host]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_image_is_made_of_what_the_build_context_lets_in() -> None:
    allowed = {line[1:] for line in (STACK / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = set[str]()
    for line in re.findall(r"^COPY (.+)", (STACK / "Dockerfile").read_text(), re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)


def test_docker_compose_takes_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    argv = [docker, "compose", "--file", str(STACK / "compose.yaml"), "config", "--quiet"]
    checked = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr


def test_an_inventory_that_cannot_be_read_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    argv = [sys.executable, "-m", "stack.prepare", "--inventory", "nowhere.yaml", "--output", str(tmp_path)]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith("there is no inventory at nowhere.yaml; ")
    assert (tmp_path / "rules").exists()
