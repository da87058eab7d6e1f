"""``espalier predict``: send the rows of a table, show or write the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from espalier.cli.client import CaOption, PasswordOption, TokenOption, UrlOption, UserOption, connect, credentials
from espalier.cli.output import CommandFailed, JsonOption, print_json, print_table, say
from espalier.client import RequestRefused, call

if TYPE_CHECKING:
    import httpx

    from espalier.cli.table import Batch

__all__ = ["predict"]

SHOWN_ROWS = 100
ROWS_A_REQUEST = 1000
EXPLAINED_ROWS_A_REQUEST = 100
"""What the API takes, unless API_MAX_ROWS and API_MAX_EXPLAIN_ROWS say otherwise."""


@dataclass
class Answers:
    """What the API said, in the table's order."""

    model: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    """Rows by model version: two where a new one came in meanwhile."""

    predictions: list[dict[str, Any]] = field(default_factory=list)
    """All, or with an output file only the first."""

    feedback: list[dict[str, Any]] = field(default_factory=list)
    """Of each request: its feedback token, and how many rows it is for."""

    rows: int = 0


def predict(  # noqa: PLR0913, PLR0917 - each is an option
    rows: Annotated[
        Path, typer.Argument(help='CSV, Parquet, or JSON: a list of rows or {"rows": [...]}. - reads JSON.')
    ],
    output: Annotated[
        Path | None, typer.Option(help="Write label, probability and model version of each row: .csv or .parquet.")
    ] = None,
    id_column: Annotated[
        list[str] | None, typer.Option(help="A column of the table to write beside them; may be repeated.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Add what each feature contributed.")] = False,
    batch_rows: Annotated[
        int | None, typer.Option(min=1, help="Rows in one request; default: 1000, or 100 with --explain.")
    ] = None,
    token: TokenOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Predict every row of a table, of any length, over one connection.

    Columns that the model does not know are left out; an empty cell is a missing value. The user needs the scopes
    predict and, for CSV and Parquet, model:read. What takes longer than a token lives needs --user. With --json it
    prints what espalier feedback takes once the truth is known.

    Examples: `espalier predict rows.json --token "$TOKEN"`, `espalier predict day.csv --user ana --explain`,
    `espalier predict year.parquet --user ana --output scores.parquet --id-column flight --json > answer.json`
    """
    from espalier.cli.predicted import open_writer
    from espalier.cli.table import open_source

    source, keep = open_source(rows), id_column or []
    size = batch_rows or (EXPLAINED_ROWS_A_REQUEST if explain else ROWS_A_REQUEST)
    auth, began, answers = credentials(token, user, password), time.monotonic(), Answers()
    with connect(url, cacert, auth) as client, open_writer(output) if output else nullcontext() as writer:
        named = rows.suffix in (".csv", ".parquet") or bool(keep)
        features = call(client, "GET", "/v1/model")["contract"]["features"] if named else []
        for batch in _with_bar(source.batches(features, size, keep), source.total):
            found = _ask(client, batch, answers, explain=explain)
            if writer is not None:
                writer.write([_record(kept, one, answers.model) for kept, one in zip(batch.kept, found, strict=True)])
            if writer is None or len(answers.predictions) < SHOWN_ROWS:
                answers.predictions += found
        if not answers.rows:
            raise CommandFailed(f"{rows} has no rows")
    _report(answers, output, time.monotonic() - began, explain=explain, json=json)


def _ask(client: httpx.Client, batch: Batch, answers: Answers, *, explain: bool) -> list[dict[str, Any]]:
    parameters = {"explain": "true"} if explain else {}
    try:
        answer = call(client, "POST", "/v1/predict", params=parameters, json={"rows": batch.rows})
    except RequestRefused as error:
        if not answers.rows:
            raise
        where = f"rows {answers.rows + 1:,} to {answers.rows + len(batch.rows):,} of the table (rows[0] is the first)"
        raise RequestRefused(f"{where}: {error}") from error
    answers.model, answers.rows = answer["model"], answers.rows + len(batch.rows)
    version = str(answer["model"]["version"])
    answers.versions[version] = answers.versions.get(version, 0) + len(batch.rows)
    answers.feedback.append({"token": answer["feedback_token"], "rows": len(batch.rows)})
    found: list[dict[str, Any]] = answer["predictions"]
    return found


def _with_bar(batches: Iterator[Batch], total: int | None) -> Iterator[Batch]:
    """Show how many rows are answered, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for batch in batches:
            yield batch
            progress.advance(task, len(batch.rows))


def _record(kept: dict[str, Any], prediction: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    answer = {name: prediction[name] for name in ("label", "probability")}
    contributions = prediction.get("contributions", {})
    return {
        **kept,
        **answer,
        "model_version": str(model["version"]),
        **{f"contribution.{name}": value for name, value in contributions.items()},
    }


def _report(answers: Answers, output: Path | None, seconds: float, *, explain: bool, json: bool) -> None:
    versions = " and ".join(answers.versions)
    rate = f"{answers.rows:,} rows in {seconds:.1f} s, {answers.rows / seconds:,.0f} a second"
    found: dict[str, Any] = {"model": answers.model, "feedback_tokens": answers.feedback}
    if json and output is None:
        print_json({**found, "predictions": answers.predictions})
    elif json:
        print_json({**found, "rows": answers.rows, "versions": answers.versions, "output": str(output)})
    elif output is not None:
        say(f"{output}: {rate}, model version {versions}")
    else:
        shown = answers.predictions[:SHOWN_ROWS]
        lines = [_line(number, prediction) for number, prediction in enumerate(shown, start=1)]
        title = f"{answers.model['name']} version {versions}"
        print_table(title, ["row", "label", "probability", "because of"][: 4 if explain else 3], lines)
        say(rate if answers.rows == len(shown) else f"{rate}; shown are the first {len(shown)}, --output writes all")


def _line(number: int, prediction: dict[str, Any]) -> list[str]:
    line = [str(number), prediction["label"], f"{prediction['probability']:.3f}"]
    if "contributions" in prediction:
        strongest = sorted(prediction["contributions"].items(), key=lambda item: -abs(item[1]))[:3]
        line.append(", ".join(f"{name} {value:+.2f}" for name, value in strongest))
    return line
