"""``espalier predict``: predict the rows of a table."""

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
"""The default limits of the API, API_MAX_ROWS and API_MAX_EXPLAIN_ROWS."""


@dataclass
class Answers:
    """The responses of the API, in the order of the table."""

    model: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    """Rows per model version; a rollout meanwhile gives two versions."""

    predictions: list[dict[str, Any]] = field(default_factory=list)
    """All predictions; only the first ones with an output file."""

    feedback: list[dict[str, Any]] = field(default_factory=list)
    """Feedback token and number of rows of each request."""

    rows: int = 0


def predict(  # noqa: PLR0913, PLR0917 - each is an option
    rows: Annotated[
        Path,
        typer.Argument(help='CSV, Parquet, or JSON file (a list of rows or {"rows": [...]}); - reads JSON from stdin.'),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Write label, probability and model version of each row to a .csv or .parquet file."),
    ] = None,
    id_column: Annotated[
        list[str] | None, typer.Option(help="Column of the table to copy to the output; may be repeated.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Add the contribution of each feature.")] = False,
    batch_rows: Annotated[
        int | None, typer.Option(min=1, help="Rows per request; default: 1000, or 100 with --explain.")
    ] = None,
    token: TokenOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Predict all rows of a table of any length.

    Columns that the model does not use are ignored; an empty cell is a missing value. The user needs the scope predict
    and, for CSV and Parquet, model:read. Use --user for tables that take longer than a token is valid. The output of
    --json is the input of espalier feedback.

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
            predictions = _ask(client, batch, answers, explain=explain)
            if writer is not None:
                pairs = zip(batch.kept, predictions, strict=True)
                writer.write([_record(kept, prediction, answers.model) for kept, prediction in pairs])
            if writer is None or len(answers.predictions) < SHOWN_ROWS:
                answers.predictions += predictions
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
    predictions: list[dict[str, Any]] = answer["predictions"]
    return predictions


def _with_bar(batches: Iterator[Batch], total: int | None) -> Iterator[Batch]:
    """Show a progress bar on a terminal."""
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
    rate = f"{answers.rows:,} rows in {seconds:.1f} s, {answers.rows / seconds:,.0f} per second"
    summary: dict[str, Any] = {"model": answers.model, "feedback_tokens": answers.feedback}
    if json and output is None:
        print_json({**summary, "predictions": answers.predictions})
    elif json:
        print_json({**summary, "rows": answers.rows, "versions": answers.versions, "output": str(output)})
    elif output is not None:
        say(f"{output}: {rate}, model version {versions}")
    else:
        shown = answers.predictions[:SHOWN_ROWS]
        lines = [_line(number, prediction) for number, prediction in enumerate(shown, start=1)]
        title = f"{answers.model['name']} version {versions}"
        print_table(title, ["row", "label", "probability", "main contributions"][: 4 if explain else 3], lines)
        say(rate if answers.rows == len(shown) else f"{rate}; the first {len(shown)} are shown, --output writes all")


def _line(number: int, prediction: dict[str, Any]) -> list[str]:
    line = [str(number), prediction["label"], f"{prediction['probability']:.3f}"]
    if "contributions" in prediction:
        strongest = sorted(prediction["contributions"].items(), key=lambda item: -abs(item[1]))[:3]
        line.append(", ".join(f"{name} {value:+.2f}" for name, value in strongest))
    return line
