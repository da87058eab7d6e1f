"""The report as one HTML page. It has no row of the table: totals, ranges, shares and the names of categories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from pipelines.config.schema import Schema
from pipelines.data_report.charts import bars, line
from pipelines.data_report.drift import Drift
from pipelines.data_report.profile import ColumnProfile, TableProfile
from pipelines.web_page import html_page, html_table

__all__ = ["render_report"]

STYLE = """\
body { max-width: 72rem; }
.column { display: grid; grid-template-columns: 16rem 19rem 19rem; gap: 1rem; border-top: 1px solid #ddd;
  padding: 1rem 0; }
.column p { margin: 0; font-size: 14px; } .column h3 { margin: 0 0 .3rem; font-size: 16px; overflow-wrap: anywhere; }
.note { color: #666; font-size: 14px; } .drift { color: #b3423a; }
"""

TOP = 15
MUCH_MISSING = 0.5


def render_report(
    profile: TableProfile, schema: Schema, drifts: Sequence[Drift], *, title: str, without_drift: str
) -> str:
    """Return the page; every text in it is escaped.

    Args:
        drifts: none without a model.
        without_drift: why there is none.
    """
    body = [f"<h1>{escape(title)}</h1>", html_table(["", ""], list(_facts(profile, schema)))]
    if profile.periods is not None:
        starts = _starts(profile)
        body += ["<h2>Rows over time</h2>", bars(profile.periods.rows, starts)]
        body.append(f'<p class="note">{len(starts)} parts of {escape(_duration(profile))} each.</p>')
    body += ["<h2>Drift against the model</h2>", *_drift(drifts, without_drift)]
    for heading, names in (("Target", [schema.target.name]), ("Features", schema.feature_names)):
        body.append(f"<h2>{heading}</h2>")
        body += [_column(profile.columns[name], profile, schema, drifts) for name in names]
    if schema.identifiers:
        lines = [[column.name, f"{profile.columns[column.name].missing:,}"] for column in schema.identifiers]
        body += ["<h2>Identifiers</h2>", html_table(["", "empty"], lines)]
    return html_page(title, body, style=STYLE)


def _facts(profile: TableProfile, schema: Schema) -> Iterator[list[str]]:
    yield ["rows", f"{profile.rows:,}"]
    yield ["features", f"{len(schema.features):,}"]
    target = profile.columns[schema.target.name]
    yield ["rows without a target", f"{target.missing:,}"]
    if schema.time is not None:
        span = "no time can be read" if profile.first is None else f"{profile.first} to {profile.last}"
        yield [f"time ({schema.time.name}, {schema.time.timezone})", span]
        if profile.missing_times:
            yield ["rows without a readable time", f"{profile.missing_times:,}"]
    unreadable = {name: column.unreadable for name, column in profile.columns.items() if column.unreadable}
    for name, cells in unreadable.items():
        yield [f"unreadable cells in {name}", f"{cells:,}"]
    empty = [c.name for c in profile.columns.values() if profile.rows and c.missing / profile.rows > MUCH_MISSING]
    if empty:
        yield ["more than half empty", ", ".join(empty)]


def _drift(drifts: Sequence[Drift], without: str) -> Iterator[str]:
    if not drifts:
        yield f"<p>{escape(without)}</p>"
        return
    for drift in drifts:
        which = "rows newer than its training rows" if drift.newer else "rows of the table"
        yield f"<p>{escape(drift.model)}: {drift.rows:,} {which}, against its training rows.</p>"
        found = sorted(drift.features.items(), key=lambda item: -(item[1]["psi"] or 0))
        lines = [[name, _psi(one["psi"]), f"{one['alert_psi']:.2f}", _judged(one)] for name, one in found]
        yield html_table(["feature", "PSI", "alert above", ""], lines)


def _psi(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _judged(found: dict[str, object]) -> str:
    if found["psi"] is None:
        return "too few rows for a PSI"
    return "drift" if found["above_alert"] else ""


def _column(column: ColumnProfile, profile: TableProfile, schema: Schema, drifts: Sequence[Drift]) -> str:
    facts = "".join(f"<p>{escape(fact)}</p>" for fact in _facts_of(column, profile))
    drift = "".join(
        f'<p class="drift">PSI {one.features[column.name]["psi"]:.3f}{" of newer rows" * one.newer}: drift</p>'
        for one in drifts
        if one.features.get(column.name, {}).get("above_alert")
    )
    counts, labels = _distribution(column, schema)
    course = _course(column, profile)
    return (
        f'<div class="column"><div><h3>{escape(column.name)}</h3>{facts}{drift}</div>'
        f"<div>{bars(counts, labels) if counts else ''}{_ends(labels, column)}</div><div>{course}</div></div>"
    )


def _facts_of(column: ColumnProfile, profile: TableProfile) -> Iterator[str]:
    yield column.kind
    share = column.missing / profile.rows if profile.rows else 0
    yield f"{column.missing:,} empty ({share:.1%})" if column.missing else "no empty cells"
    if column.unreadable:
        yield f"{column.unreadable:,} unreadable"
    if column.minimum is not None:
        yield f"{column.minimum:.6g} to {column.maximum:.6g}, mean {column.mean:.6g}"
    if column.texts:
        more = " or more" if column.other else ""
        yield f"{len(column.texts):,}{more} different values"


def _distribution(column: ColumnProfile, schema: Schema) -> tuple[list[int], list[str]]:
    if column.texts:
        top = column.texts.most_common(TOP)
        rest = sum(column.texts.values()) - sum(rows for _, rows in top) + column.other
        return [*(rows for _, rows in top), *([rest] if rest else [])], [
            *(text for text, _ in top),
            *(["all others"] if rest else []),
        ]
    labels = [f"{low:.4g} to {high:.4g}" for low, high in zip(column.edges, column.edges[1:], strict=False)]
    target = schema.target
    if column.name == target.name and target.classes:
        values = target.values or tuple(range(len(target.classes)))
        named = {float(value): name for value, name in zip(values, target.classes, strict=True)}  # no texts here
        labels = [named.get((low + high) / 2, label) for low, high, label in _bins(column, labels)]
    return column.counts, labels


def _bins(column: ColumnProfile, labels: Sequence[str]) -> Iterator[tuple[float, float, str]]:
    yield from zip(column.edges, column.edges[1:], labels, strict=False)


def _ends(labels: Sequence[str], column: ColumnProfile) -> str:
    if not labels:
        return '<p class="note">no values</p>'
    if column.texts:
        total = sum(column.texts.values()) + column.other
        shown = ", ".join(f"{text} {rows / total:.1%}" for text, rows in column.texts.most_common(3))
        return f'<p class="note">{escape(shown)}</p>'
    return f'<p class="note">{escape(labels[0])} … {escape(labels[-1])}</p>'


def _course(column: ColumnProfile, profile: TableProfile) -> str:
    if profile.periods is None or not column.course:
        return ""
    starts = _starts(profile)
    top = next(iter(column.texts.most_common(1)), ("", 0))[0]
    what = f"share of {top}" if column.texts else "mean"
    drawn = f'{line(column.course, starts)}<p class="note">{escape(what)} over time</p>'
    if column.missing:
        drawn += f'{line(column.missing_course, starts, lowest=0)}<p class="note">share of empty cells over time</p>'
    return drawn


def _starts(profile: TableProfile) -> list[str]:
    return [] if profile.periods is None else [str(start).removesuffix(" 00:00:00") for start in profile.periods.starts]


def _duration(profile: TableProfile) -> str:
    return "" if profile.periods is None else str(profile.periods.width).replace(" 00:00:00", "").replace("0 days ", "")
