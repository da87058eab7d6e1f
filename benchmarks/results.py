"""The results of a run as JSON, with what is needed to judge them: plan, machine, versions."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkFailed
from benchmarks.samples import Call, Closed, Open, Results, Start, Unmeasured

__all__ = ["Report", "read_report", "to_json", "write_report"]

FORMAT = 1


@dataclass(frozen=True)
class Report:
    """A run that has ended."""

    started: str
    """Time in UTC, ISO 8601."""

    commit: str
    machine: dict[str, str]
    plan: dict[str, Any]
    versions: dict[str, dict[str, str]]
    """Server → package → version."""

    tools: dict[str, str]
    """Load program → version."""

    results: Results


def to_json(report: Report) -> str:
    """Return the report as JSON."""
    return json.dumps({"format": FORMAT, **asdict(report)}, indent=1) + "\n"


def write_report(path: Path, report: Report) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(report), encoding="utf-8")


def read_report(path: Path) -> Report:
    """Read what ``write_report`` wrote.

    Raises:
        BenchmarkFailed: it is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        found = content.pop("results")
        results = Results(
            starts=tuple(Start(**one) for one in found["starts"]),
            closed=tuple(Closed(**one) for one in found["closed"]),
            calls=tuple(Call(**one) for one in found["calls"]),
            open=tuple(Open(**one) for one in found["open"]),
            unmeasured=tuple(Unmeasured(**one) for one in found["unmeasured"]),
        )
        return Report(**content, results=results)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkFailed(f"{path} has no results of a benchmark: {error}") from error
