"""The results as tables, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.plan import SHARES
from benchmarks.results import Report
from benchmarks.servers import REFERENCE, SERVERS
from benchmarks.summary import Peak, calls, latencies, memory, peaks, ratios

__all__ = [
    "Table",
    "cost_table",
    "latency_tables",
    "measured",
    "notes",
    "peak_table",
    "rows_text",
    "scenarios",
    "to_markdown",
    "version_table",
]

NONE = "-"
BOTTLENECK = 0.9
"""Share of its core from which the load program, and not the server, was the limit."""

CALL = "XGBoost's call alone"

TEN, HUNDRED = 10, 100


@dataclass(frozen=True)
class Table:
    """Text in rows; the first column is a name, the others are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def peak_table(report: Report) -> Table:
    """Return the throughput of every server: requests per second, and relative to the reference in the same round."""
    found, names = peaks(report.results), scenarios(report)
    rows = []
    for server in measured(report):
        relative = ratios(report.results, server, REFERENCE)
        cells = [_rate(found.get((server, name)), relative.get(name)) for name in names]
        rows.append([SERVERS[server].title, *cells])
    if alone := calls(report.results):
        counts = [scenario["rows"] for scenario in report.plan["scenarios"]]
        rows.append([CALL, *(_number(alone.get(count)) for count in counts)])
    columns = ["server", *map(rows_text, names)]
    return Table("Peak: requests per second on one core (times the bare server's)", columns, rows)


def cost_table(report: Report) -> Table:
    """Return CPU time, memory and start of every server."""
    found, starts, names = peaks(report.results), memory(report.results), scenarios(report)
    rows = []
    for server in measured(report):
        mine = [found.get((server, name)) for name in names]
        start = starts.get(server)
        rows.append(
            [
                SERVERS[server].title,
                *(NONE if one is None else _number(one.cpu_ms) for one in mine),
                NONE if mine[0] is None else f"{mine[0].pss_mib:.0f}",
                *([NONE, NONE] if start is None else [f"{start.pss_mib:.0f}", f"{start.seconds:.1f}"]),
            ]
        )
    cpu = [f"CPU ms, {rows_text(name)}" for name in names]
    columns = ["server", *cpu, f"PSS MiB, {rows_text(names[0])}", "PSS MiB, all", "start s"]
    return Table("Cost: CPU time of a request, memory, seconds until ready", columns, rows)


def latency_tables(report: Report) -> Iterator[Table]:
    """Yield a table for each scenario of the open loop: p50 and p99 at each share of the server's own peak."""
    found = latencies(report.results)
    for scenario in scenarios(report):
        rows = []
        for server in measured(report):
            mine = [found.get((server, scenario, share)) for share in SHARES]
            if any(mine):
                cells = [NONE if one is None else f"{_number(one.p50_ms)} / {_number(one.p99_ms)}" for one in mine]
                rows.append([SERVERS[server].title, *cells])
        if rows:
            shares = [f"at {share:.0%}" for share in SHARES]
            yield Table(
                f"Latency with {rows_text(scenario)}: p50 / p99 in ms at a share of the own peak, open loop",
                ["server", *shares],
                rows,
            )


def version_table(report: Report) -> Table:
    """Return the versions of every server."""
    rows = []
    for server in measured(report):
        versions = dict(report.versions[server])
        python = versions.pop("python")
        rows.append([SERVERS[server].title, python, ", ".join(f"{name} {value}" for name, value in versions.items())])
    return Table("Versions", ["server", "Python", "packages"], rows)


def notes(report: Report) -> Iterator[str]:
    """Yield what limits the numbers: what was not measured, failed requests, and a load program at its limit."""
    for missing in report.results.unmeasured:
        what = f", {rows_text(missing.scenario)}" if missing.scenario else ""
        yield f"{SERVERS[missing.server].title}{what}: not measured; {missing.reason.splitlines()[0]}"
    for (server, scenario), peak in peaks(report.results).items():
        where = f"{SERVERS[server].title}, {rows_text(scenario)}"
        if peak.errors:
            yield f"{where}: {peak.errors:,} requests failed at the peak"
        if peak.load_cpu_share > BOTTLENECK:
            yield f"{where}: the load program used {peak.load_cpu_share:.0%} of its core, so the server may be faster"
    for (server, scenario, share), latency in latencies(report.results).items():
        if latency.errors:
            yield f"{SERVERS[server].title}, {rows_text(scenario)} at {share:.0%}: {latency.errors:,} requests failed"


def to_markdown(table: Table) -> str:
    """Return the table in Markdown, without its title."""
    alignment = ["---", *("---:" for _ in table.columns[1:])]
    lines = [table.columns, alignment, *([_escaped(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(report: Report) -> list[str]:
    """Return the servers with at least one result, in the order of the tables."""
    return [server for server in SERVERS if any(one.server == server for one in report.results.closed)]


def scenarios(report: Report) -> list[str]:
    """Return the names of the scenarios, in the order of the tables."""
    return [scenario["name"] for scenario in report.plan["scenarios"]]


def rows_text(scenario: str) -> str:
    """Return what a scenario is called, such as ``1,000 rows``."""
    number, _, form = scenario.partition("-")
    return f"{int(number):,} {'row' if number == '1' else 'rows'}{f', {form.capitalize()}' if form else ''}"


def _rate(peak: Peak | None, ratio: float | None) -> str:
    if peak is None:
        return NONE
    return _number(peak.per_second) + ("" if ratio is None else f" ({ratio:.2f})")


def _number(value: float | None) -> str:
    """Return three significant digits, or all digits of a larger number."""
    if value is None:
        return NONE
    if value >= HUNDRED:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= TEN else f"{value:.2f}"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
