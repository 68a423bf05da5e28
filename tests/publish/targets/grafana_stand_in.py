"""A stand-in for Grafana, written from its documented API: it keeps dashboards and folders in memory.

It stands in where the real one cannot be made to fail on cue. What it says of newer versions rests on their
documentation: `POST /api/dashboards/db` refuses a taken uid with 400 (10 answers 412).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from tests.clients.stand_in import Asked, Reply

SAVE = "/api/dashboards/db"
MARK = "/api/annotations"


@dataclass
class GrafanaStandIn:
    """Callable as an answerer of `stand_in`; `before` may answer first, or give None to let it through."""

    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    marks: list[dict[str, Any]] = field(default_factory=list)
    saves: int = 0
    alive: int = -1
    """How many more saves it takes before it breaks every connection; negative for ever."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, asked: Asked) -> Reply | None:
        with self.lock:
            if self.alive == 0:
                return None
            return self._route(asked)

    def _route(self, asked: Asked) -> Reply:
        if asked.path == "/api/search":
            return self._search(asked.params["tag"][0])
        if asked.path == SAVE:
            return self._save(asked.body)
        if asked.path == MARK:
            self.marks.append(asked.body)
            return Reply()
        if asked.method == "DELETE":
            del self.dashboards[asked.path.rpartition("/")[2]]
            return Reply()
        if asked.method == "POST":
            self.folders[asked.body["uid"]] = asked.body["title"]
            return Reply()
        name = asked.path.rpartition("/")[2]
        if asked.path.startswith("/api/folders/"):
            return found(name in self.folders and {"uid": name, "title": self.folders[name]})
        return found(name in self.dashboards and self.dashboards[name])

    def _search(self, tag: str) -> Reply:
        hits = [
            {"uid": uid, "tags": saved["dashboard"]["tags"], "folderTitle": self.folders[saved["folderUid"]]}
            for uid, saved in sorted(self.dashboards.items())
            if tag in saved["dashboard"]["tags"]
        ]
        return Reply(200, hits)

    def _save(self, body: dict[str, Any]) -> Reply:
        uid = body["dashboard"]["uid"]
        if uid in self.dashboards and not body["overwrite"]:
            return Reply(400, {"message": "A dashboard with the same uid already exists"})
        self.alive -= 1
        self.saves += 1
        self.dashboards[uid] = {**body, "meta": {}}
        return Reply()


def found(body: Any) -> Reply:
    return Reply(200, body) if body else Reply(404, {"message": "not found"})
