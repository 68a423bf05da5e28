"""A real istiod: it validates Istio objects as they are written, and tells proxies what follows from them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from tests.servers.install import SERVERS
from tests.servers.processes import LOOPBACK, accepted, answers, free_ports, local_session, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    import requests

    from tests.servers.kubernetes_api import KubernetesApi

ROOT_NAMESPACE = "istio-system"
WEBHOOK = "istio-validator-istio-system"
WEBHOOK_PATH = f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{WEBHOOK}"
VALIDATED = ("extensions.istio.io", "networking.istio.io", "security.istio.io", "telemetry.istio.io")
"""The API groups of `validatingwebhookconfiguration.yaml` in the chart istio-discovery."""
MESH_CONFIG: Mapping[str, Any] = {"defaultProviders": {"metrics": []}}
"""Istio's own metrics come from a filter that stock Envoy lacks; it would refuse a listener that has it."""


def rejected_gateway() -> dict[str, Any]:
    """A Gateway that fits its CRD and that istiod always rejects, by the annotation it tries itself with.

    `isDryRunOfInvalidConfigRejected` in Istio's `pkg/webhooks/validation/controller/controller.go`.
    """
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "rejected", "annotations": {"internal.istio.io/webhook-always-reject": "true"}},
        "spec": {"servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]},
    }


class Istiod:
    """istiod on the objects in `api` while the block runs, its files in `folder`; `limit`: seconds for each step.

    Its validating webhook is in force within the block: Istio objects are refused when istiod refuses them, and
    when it does not answer. Within the block nobody else can write Istio objects to `api` past it. One istiod
    for one `api` at a time; after one has ended, another may follow.

    `mesh_config` replaces top-level fields of MESH_CONFIG, `env` adds to istiod's own variables, `domain` is
    the cluster's.
    Configuration is made for a stock Envoy, which has none of the filters that Istio builds into its own.
    """

    def __init__(
        self,
        folder: Path,
        api: KubernetesApi,
        *,
        mesh_config: Mapping[str, Any] = {},
        env: Mapping[str, str] = {},
        domain: str = "cluster.local",
        limit: float = 120,
    ) -> None:
        self.folder = folder
        self.api = api
        self.mesh_config = {**MESH_CONFIG, **mesh_config}
        self.env = dict(env)
        self.domain = domain
        self.limit = limit
        self.http, self.https, self.grpc, self.secure_grpc, self.monitoring = free_ports(5)
        self._session = local_session()
        self._stack = ExitStack()
        self._process = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._session)
            self._register_webhook(stack)
            stack.callback(lambda: self._process.close())
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def restart(self) -> None:
        """End and start again, on the same ports; then what proxies get follows from all that `api` has.

        Without it, a change reaches proxies some time after `api` has accepted it, so that what is absent may
        only not be there yet. A new istiod serves nobody before it has read everything (`waitForCacheSync` in
        Istio's `pilot/pkg/bootstrap/server.go`).
        """
        self._process.close()
        self._start()

    def root_certificate(self) -> str:
        """The certificate, in PEM, that the certificates of all workloads lead to."""
        path = f"/api/v1/namespaces/{ROOT_NAMESPACE}/configmaps/istio-ca-root-cert"
        wait_until(lambda: self.api.request("GET", path).status_code == 200, "the root certificate", self.limit)
        certificate: str = self.api.request("GET", path).json()["data"]["root-cert.pem"]
        return certificate

    def _start(self) -> None:
        with ExitStack() as stack:
            healthy = f"http://{LOOPBACK}:{self.http}/ready"
            log = self.folder / "istiod.log"
            stack.enter_context(
                running(self._argv(), log, lambda: answers(self._session, healthy), env=self._env(), limit=self.limit)
            )
            wait_until(self._fails_closed, "istiod's webhook in force", self.limit)
            self._process = stack.pop_all()

    def _argv(self) -> list[str | Path]:
        mesh = self.folder / "mesh.json"
        mesh.parent.mkdir(parents=True, exist_ok=True)
        mesh.write_text(json.dumps(self.mesh_config))
        return [
            SERVERS["istio"].folder() / "bin" / "pilot-discovery", "discovery",
            f"--kubeconfig={self.api.kubeconfig}", f"--namespace={ROOT_NAMESPACE}", f"--domain={self.domain}",
            f"--meshConfig={mesh}", f"--networksConfig={self.folder / 'no-networks'}",
            f"--httpAddr={LOOPBACK}:{self.http}", f"--httpsAddr={LOOPBACK}:{self.https}",
            f"--grpcAddr={LOOPBACK}:{self.grpc}", f"--secureGRPCAddr={LOOPBACK}:{self.secure_grpc}",
            f"--monitoringAddr={LOOPBACK}:{self.monitoring}",
            f"--ctrlz_address={LOOPBACK}", "--ctrlz_port=0",
        ]  # fmt: skip

    def _env(self) -> dict[str, str]:
        return {
            "POD_NAME": "istiod", "POD_NAMESPACE": ROOT_NAMESPACE, "CLUSTER_ID": "Kubernetes",
            "REVISION": "default", "ENABLE_LEADER_ELECTION": "false",
            "PILOT_CERT_PROVIDER": "istiod", "ROOT_CA_DIR": str(self.folder / "no-certificates"),
            "ISTIOD_CUSTOM_HOST": "localhost",  # a name in its certificate; the API server calls it by that
            "VALIDATION_WEBHOOK_CONFIG_NAME": WEBHOOK, "INJECT_ENABLED": "false", "INJECTION_WEBHOOK_CONFIG_NAME": "",
            "PILOT_MAX_REQUESTS_PER_SECOND": "10000",  # otherwise 25 new connections, on two cores
            # Two filters that stock Envoy lacks
            "PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false",
            **self.env,
        }  # fmt: skip

    def _register_webhook(self, stack: ExitStack) -> None:
        """Register it as failing open; istiod puts its certificate there, tries it, and lets it fail closed.

        On the way out it is removed after istiod has ended: what it refuses then is refused for lack of an answer.
        """
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT_NAMESPACE}}
        accepted(self.api.apply(f"/api/v1/namespaces/{ROOT_NAMESPACE}", namespace))
        stack.callback(self._remove_webhook)
        accepted(self.api.apply(WEBHOOK_PATH, self._webhook()))

    def _webhook(self) -> dict[str, Any]:
        rule = {"apiGroups": VALIDATED, "apiVersions": ["*"], "resources": ["*"], "operations": ["CREATE", "UPDATE"]}
        webhook = {
            "name": "rev.validation.istio.io",
            "clientConfig": {"url": f"https://localhost:{self.https}/validate"},
            "rules": [rule],
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": WEBHOOK, "labels": {"istio.io/rev": "default"}},
            "webhooks": [webhook],
        }

    def _remove_webhook(self) -> None:
        """Returns when writes work without it: the API server hears of changed webhooks a moment late."""
        accepted(self.api.request("DELETE", WEBHOOK_PATH))
        wait_until(self._lets_pass, "Istio objects accepted without istiod", self.limit)

    def _fails_closed(self) -> bool:
        (webhook,) = self.api.request("GET", WEBHOOK_PATH).json()["webhooks"]
        return webhook["failurePolicy"] == "Fail" and "denied the request" in self._try_rejected().text

    def _lets_pass(self) -> bool:
        return self._try_rejected().ok

    def _try_rejected(self) -> requests.Response:
        path = f"/apis/networking.istio.io/v1/namespaces/{ROOT_NAMESPACE}/gateways/rejected"
        return self.api.apply(path, rejected_gateway(), params={"dryRun": "All"})
