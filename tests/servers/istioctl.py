"""istioctl, which judges Istio manifests, without a cluster or together with what one has."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.install import SERVERS
from tests.servers.processes import QUOTE, ServerError, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the analysis: a code like `IST0101`, `Info`, `Warning` or `Error`, and the object it is about.

    `origin` is like `VirtualService shop/web`. The numbers are explained in Istio's `pkg/config/analysis/msg`.
    """

    code: str
    level: str
    origin: str
    message: str


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

    def analyze_cluster(
        self, kubeconfig: Path, namespace: str | None = None, paths: Sequence[Path] = ()
    ) -> tuple[Message, ...]:
        """What is wrong in a namespace, or in all of them, once the files `paths` had been applied too.

        Here, in contrast to files alone, unknown hosts are told. Workloads are Pods only, so where there are none
        it tells of selectors that match nothing. Raises ServerError when there was nothing to be analysed.
        """
        scope = ["-n", namespace] if namespace else ["-A"]
        done = self._run("analyze", f"--kubeconfig={kubeconfig}", "--output=json", *scope, *paths)
        if done.returncode:  # with JSON as output it is 0 also when errors were found
            raise ServerError(f"istioctl analyze: status {done.returncode}: {done.stderr.strip()[:QUOTE]}")
        fields = ("code", "level", "origin", "message")
        return tuple(Message(*(found[field] for field in fields)) for found in json.loads(done.stdout))

    def manifest(self, overlay: Path) -> subprocess.CompletedProcess[str]:
        """What installing Istio with this overlay would apply; nothing is contacted."""
        return self._run("manifest", "generate", "-f", overlay)

    def _run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [SERVERS["istio"].folder() / "bin" / "istioctl", *arguments]
        return subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=120)
