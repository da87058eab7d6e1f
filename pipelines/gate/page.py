"""The verdict as one HTML page and as JSON, for the MLflow run.

The page asks no other host for anything: its images are part of it. It has totals of blocks and slices, never a row.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path

from pipelines.gate.checks import Verdict
from pipelines.gate.evidence import Evidence
from pipelines.gate.pictures import draw_pictures
from pipelines.gate.table import numbers
from pipelines.web_page import html_page, html_table

__all__ = ["render_page", "write_report"]

STYLE = """\
.passed { color: #2a7f62; } .rejected { color: #b3423a; }
"""

HEADLINES = {
    "first": "There is no champion to compare with",
    "not_compared": "The candidate could not be compared with the champion",
    "better": "The candidate is better than the champion, beyond noise",
    "not_worse": "The candidate is not worse than the champion within the margin, and not shown to be better",
    "worse": "The candidate is worse than the champion, beyond noise",
    "inconclusive": "The test rows are too few to tell candidate and champion apart",
}


def write_report(folder: Path, verdict: Verdict, *, title: str) -> None:
    """Write gate.html and gate.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate.html").write_text(render_page(verdict, title=title), encoding="utf-8")
    (folder / "gate.json").write_text(verdict.model_dump_json(indent=2) + "\n", encoding="utf-8")


def render_page(verdict: Verdict, *, title: str) -> str:
    """Return the page; every text in it is escaped."""
    result = "passed" if verdict.passed else "rejected"
    body = [
        f'<h1>{escape(title)}: <span class="{result}">{result}</span></h1>',
        f"<p>{escape(HEADLINES[verdict.kind])}.</p>",
    ]
    if verdict.reasons:
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
        body += ["<h2>Why it was rejected</h2>", f"<ul>{reasons}</ul>"]
    checks = [
        [check.name, f"{check.found:.{check.digits}f}", check.wanted, "yes" if check.passed else "no"]
        for check in verdict.checks
    ]
    body += ["<h2>Checks</h2>", html_table(["", "found", "required", "passed"], checks)] if checks else []
    if verdict.evidence is not None:
        body += _comparison(verdict.evidence)
    return html_page(title, body, style=STYLE)


def _comparison(evidence: Evidence) -> Iterator[str]:
    yield "<h2>Comparison with the champion</h2>"
    yield html_table(["", ""], list(numbers(evidence)))
    for heading, image in draw_pictures(evidence).items():
        content = base64.b64encode(image).decode()
        yield f'<h2>{escape(heading)}</h2><img alt="{escape(heading)}" src="data:image/png;base64,{content}">'
    if evidence.slices:
        yield "<h2>Slices</h2>"
        yield html_table(
            ["slice", "rows", "blocks", "gain", "from", "to", "p"],
            [
                [
                    f"{slice_.column} {slice_.value}",
                    f"{slice_.rows:,}",
                    f"{slice_.blocks:,}",
                    *(f"{value:+.4f}" for value in (slice_.gain, slice_.lower, slice_.upper)),
                    f"{slice_.p:.2g}",
                ]
                for slice_ in evidence.slices
            ],
        )
