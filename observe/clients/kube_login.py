"""Getting into a cluster: credentials and TLS as the official client reads them, plain requests over that.

What is used of that client is `load_kube_config`, `load_incluster_config`, `Configuration.auth_settings()`
and the urllib3 pool of `ApiClient.rest_client`: its releases share these; the methods above them differ.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import MaxRetryError

from observe import errors
from observe.clients.backoff import CONNECT_TIMEOUT, READ_TIMEOUT, BackOff, Pace, cause
from observe.errors import UsageError
from observe.naming import TOOL

if TYPE_CHECKING:
    from collections.abc import Mapping

KUBECONFIG: Final = "KUBECONFIG"
IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"
"""Set in every Pod."""
HOME_CONFIG: Final = "~/.kube/config"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Transport:
    """Authenticated requests to one API server. Safe to share between threads."""

    server: str
    """The server's address, for messages."""
    _api: Any = field(repr=False)
    """The official client's ApiClient."""
    _pace: Pace
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer:
        """One request, tried again as the pace says; raises Unreachable when no answer comes."""
        query = f"?{urlencode(params)}" if params else ""
        try:
            answer = self._api.rest_client.pool_manager.request(
                method,
                f"{self._api.configuration.host}{path}{query}",
                body=body,
                headers={"User-Agent": TOOL, **headers, **self._credential()},
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                retries=self._pace.retries(_ContentAware),
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise errors.Unreachable(f"the cluster at {self.server} does not answer: {cause(error)}") from None
        return Answer(answer.status, answer.data)

    def close(self) -> None:
        self._api.close()

    def _credential(self) -> dict[str, str]:
        """The headers of this moment. Reading them may renew a token, which must not happen twice at once.

        Checked here, because the HTTP library quotes a header that it cannot send, and so the token.
        """
        try:
            with self._lock:
                settings = [*self._api.configuration.auth_settings().values()]
        except Exception as error:  # files, programs and web pages that renew tokens fail in many ways
            told = f"the credential for the cluster at {self.server} cannot be renewed: {type(error).__name__}"
            raise errors.Unauthorized(told) from None
        found = {setting["key"]: setting["value"].strip() for setting in settings if setting["value"]}
        if not all(value.isascii() and value.isprintable() for value in found.values()):
            raise errors.Unauthorized(f"the credential for the cluster at {self.server} holds line breaks or such")
        return found


class _ContentAware(BackOff):
    """Tells the two kinds of 500 apart: an apply that does not fit the schema is one (k8s.io/apimachinery
    `managedfields`: "failed to create typed patch object"), and would be the next time too.
    """

    def increment(self, *args: Any, **more: Any) -> Self:
        response = more.get("response")
        if response is not None and response.status == 500 and b"failed to create typed" in response.data:
            raise MaxRetryError(more["_pool"], "")
        return super().increment(*args, **more)


def connect(
    environ: Mapping[str, str], *, context: str | None = None, workers: int = 16, pace: Pace | None = None
) -> Transport:
    """The cluster of the kubeconfig (`$KUBECONFIG`, else `~/.kube/config`), or the one that this Pod runs in.

    Nothing is sent yet. Raises UsageError when there is no kubeconfig, or no such context in it.
    """
    # Imported late: the official client costs 0.3 s, which commands without a cluster need not pay.
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    configuration.connection_pool_maxsize = workers
    _load(configuration, environ, context)
    return Transport(_address(configuration.host), ApiClient(configuration), pace or Pace())


def _load(configuration: Any, environ: Mapping[str, str], context: str | None) -> None:
    from kubernetes import config as client_config

    official: Any = client_config  # its functions carry no types
    files = environ.get(KUBECONFIG) or HOME_CONFIG
    try:
        if context is None and environ.get(IN_CLUSTER) and not _exists(files):
            official.load_incluster_config(client_configuration=configuration)
        else:
            official.load_kube_config(files, context=context, client_configuration=configuration)
    except official.ConfigException as error:
        raise UsageError(_unusable(files, context, str(error))) from None
    except Exception as error:  # the client lets errors of YAML, of the file system and its own bugs through
        raise UsageError(f"the kubeconfig {files} cannot be read: {type(error).__name__}") from None


def _unusable(files: str, context: str | None, said: str) -> str:
    """The client's message up to the place that it names: that may hold the whole user, with the token."""
    if not _exists(files):
        return f"there is no kubeconfig at {files}: set {KUBECONFIG}, or log in to the cluster first"
    which = f"context {context!r}" if context else "current context"
    return f"the {which} of the kubeconfig {files} cannot be used: {said.partition(' in ')[0]}"


def _exists(files: str) -> bool:
    return any(Path(file).expanduser().exists() for file in files.split(os.pathsep) if file)


def _address(url: str) -> str:
    """The address without a user and password that somebody may have put into it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
