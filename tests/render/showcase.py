"""A board with every kind of panel, each of their features, every kind of variable and of marks.

No signal stands behind it: the queries are as simple as queries get, so that what is looked at is how they are drawn.
"""

from __future__ import annotations

from observe import naming
from observe.boards import links
from observe.boards.panel import (
    AlertMarks,
    Board,
    Choice,
    Column,
    DataLink,
    Heatmap,
    Key,
    Limit,
    Line,
    Link,
    PublishMarks,
    Query,
    Row,
    Stat,
    State,
    Table,
    Text,
    TimeSeries,
    Variable,
)
from observe.policy import Threshold
from observe.promql import Matcher, Selector, rate, sum_by

UP = Selector("up", (Matcher("namespace", "=~", "$namespace"),))
LAST_WEEK = Selector("up", (Matcher("job", "=", "web"),), offset="$baseline")
BUCKETS = sum_by(("le",), rate(Selector("request_duration_milliseconds_bucket"), "$__rate_interval"))
TARGETED = Limit(Threshold(0.25, "the service's own"), "warning")
WORST = Limit(Threshold(0.75, "the mesh's default"), "critical")
COVERED = Limit(Threshold(0.95, "the policy"), "warning", "below")
YES_OR_NO = (State(1, "yes", "good"), State(0, "no", "critical"), State(0.5, "in part"))
SEARCH = links.by_column("Find the service", "acme", "Service")
OVERVIEW = DataLink("Mesh overview", naming.dashboard_url("", naming.overview_uid("acme")))

COMPARED = TimeSeries(
    key="compared",
    title="Now and before",
    description="What is, beside what was.",
    queries=(
        Line(UP, "now", tone="good", link=OVERVIEW),
        Line(LAST_WEEK, "before", dashed=True, tone="neutral"),
        Query(UP, "{{job}}"),
    ),
    no_value="no traffic",
    unit="ratio",
    limits=(WORST, TARGETED),
    minimum=None,
    maximum=1,
    decimals=2,
    legend="right",
    link=SEARCH,
    width=24,
)
STACKED = TimeSeries(
    key="stacked",
    title="Parts of a whole",
    description="Each part on top of the one before, and the whole of last week.",
    queries=(Line(UP, "2xx", tone="good"), Line(UP, "5xx", tone="critical"), Line(LAST_WEEK, "before", dashed=True)),
    no_value="no traffic",
    unit="requests/s",
    stacked=True,
    lowest_first=True,
)
HEATMAP = Heatmap(
    key="heatmap",
    title="Latency",
    description="How many requests took how long.",
    queries=(Query(BUCKETS, "{{le}}"),),
    no_value="no traffic",
    unit="milliseconds",
    cells="per second",
)
NUMBER = Stat(
    key="number",
    title="Covered",
    description="A share, not rounded up to all.",
    queries=(Query(UP, "covered"),),
    no_value="no traffic",
    unit="ratio",
    limits=(COVERED,),
    decimals=2,
    link=OVERVIEW,
)
WORD = Stat(
    key="word",
    title="Strict",
    description="Whether plaintext is refused.",
    queries=(Query(UP, "strict"),),
    no_value="not reported",
    unit="count",
    states=YES_OR_NO,
)
EVIDENCE = Table(
    key="evidence",
    title="Evidence",
    description="One row for each service.",
    queries=(
        Column(UP, "Covered", "ratio", (COVERED,), decimals=2),
        Column(UP, "Strict", "count", (), YES_OR_NO),
        Column(UP, "Memory", "bytes"),
    ),
    keys=(
        Key("destination_service_namespace", "Namespace"),
        Key("destination_service_name", "Service", links.by_column("", "acme", "Service").url),
    ),
    no_value="no traffic",
    sort="Covered",
    descending=False,
    width=24,
)
UNITS = tuple(
    Stat(
        key=f"unit-{unit}",
        title=unit,
        description="A number.",
        queries=(Query(UP, "number"),),
        no_value="none",
        unit=unit,
        width=4,
    )
    for unit in (
        "bytes",
        "bytes/s",
        "cores",
        "count",
        "events",
        "milliseconds",
        "per second",
        "ratio",
        "requests/s",
        "seconds",
    )
)

SHOWCASE = Board(
    uid="acme-showcase",
    title="acme: showcase",
    description="Every kind of panel with each of its features.",
    tags=("istio", "showcase"),
    rows=(
        Row("row-open", "Open", (COMPARED, STACKED, HEATMAP, NUMBER, WORD)),
        Row("row-closed", "Closed", (EVIDENCE, Text(key="text", title="Text", content="*Any*")), collapsed=True),
        Row("row-units", "Units", UNITS),
        Row("row-empty", "Nothing yet", (), collapsed=True),
    ),
    variables=(
        Variable("namespace", "Namespace", "up", "namespace"),
        Variable("job", "Job", "up", "job", (Matcher("namespace", "=~", "$namespace"),)),
        Choice("baseline", "Compared with", ("1d", "1w", "4w")),
    ),
    links=(Link("Mesh overview", uid=naming.overview_uid("acme")), Link("All", tag=naming.pack_tag("acme"))),
    marks=(
        AlertMarks(title="Pages", matchers=(Matcher("namespace", "=~", "$namespace"),)),
        AlertMarks(title="Tickets", severity="warning", shown=False),
        PublishMarks(title="Publishes", tag=naming.pack_tag("acme")),
    ),
    hours=6,
)
