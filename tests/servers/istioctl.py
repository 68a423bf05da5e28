"""istioctl, which judges Istio manifests without a cluster."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.servers.install import SERVERS
from tests.servers.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class Istioctl:
    """The checks of istioctl. Each gives its exit status and output, and leaves the judgement to the test."""

    def validate(self, paths: Iterable[Path]) -> subprocess.CompletedProcess[str]:
        """Each object on its own, as Istio's webhook sees it; unknown fields are found here only."""
        return self._run("validate", *(f"--filename={path}" for path in paths))

    def analyze(self, paths: Sequence[Path]) -> subprocess.CompletedProcess[str]:
        """The objects together, in all namespaces; exit status 79 for errors found, 65 for unreadable input.

        Without `-A` it looks at the namespace `default` only. On files alone it cannot tell unknown hosts.
        """
        return self._run("analyze", "--use-kube=false", "-A", *paths)

    def manifest(self, overlay: Path) -> subprocess.CompletedProcess[str]:
        """What installing Istio with this overlay would apply; nothing is contacted."""
        return self._run("manifest", "generate", "-f", overlay)

    def _run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [SERVERS["istio"].folder() / "bin" / "istioctl", *arguments]
        return subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=120)
