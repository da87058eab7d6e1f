"""``espalier predict``: predict the rows of a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from espalier.cli.client import CaOption, PasswordFileOption, TokenOption, UrlOption, UserOption, connect
from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from espalier.cli.tables.batch import Batch
    from espalier.client import Client, Model
    from espalier.client.predictions import AnyPrediction, Columns

__all__ = ["predict"]

SHOWN_ROWS = 100
BATCH_ROWS, EXPLAINED_BATCH_ROWS, ARROW_BATCH_ROWS = 1000, 100, 100_000
"""Rows that are read at a time: as many as the client sends in one request by default."""


@dataclass
class Answers:
    """What the API has answered so far, in the order of the table."""

    model: Model | None = None
    versions: dict[str, int] = field(default_factory=dict)
    """Rows per model version; a rollout meanwhile gives two versions."""

    predictions: list[AnyPrediction] = field(default_factory=list)
    """All predictions if they are printed as JSON, otherwise the first ones."""

    feedback: list[dict[str, Any]] = field(default_factory=list)
    """Feedback token and number of rows of each sending."""

    rows: int = 0


@dataclass(frozen=True)
class Sending:
    """How the rows are sent."""

    explain: bool
    batch_rows: int | None

    def size(self, *, as_arrow: bool) -> int:
        """Return the number of rows to read at a time."""
        default = EXPLAINED_BATCH_ROWS if self.explain else ARROW_BATCH_ROWS if as_arrow else BATCH_ROWS
        return self.batch_rows or default


def predict(  # noqa: PLR0913, PLR0917 - each is an option
    rows: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help='CSV, Parquet, Arrow, JSON (a list of rows, {"rows": [...]}) or JSON lines; - reads JSON from stdin.',
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Write the prediction and the model version of each row to a .csv, .parquet or .jsonl file."),
    ] = None,
    id_column: Annotated[
        list[str] | None, typer.Option(help="Column of the table to copy to the output; may be repeated.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Add the contribution of each feature.")] = False,
    batch_rows: Annotated[
        int | None,
        typer.Option(min=1, help="Rows per request; default: 100,000 as Arrow, 1,000 as JSON, 100 with --explain."),
    ] = None,
    user: UserOption = "",
    password_file: PasswordFileOption = None,
    token: TokenOption = None,
    url: UrlOption = "",
    cacert: CaOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Predict all rows of a table of any length.

    Columns that the model does not use are ignored; an empty cell is a missing value. The user needs the scope predict
    and, except for JSON, model:read. With --user, the token is renewed while the table is predicted. The output of
    --json is the input of espalier feedback.

    Examples: `espalier predict docs/example-request.json`, `espalier predict day.csv --user ana --explain`,
    `espalier predict year.parquet --user ana --output scores.parquet --id-column flight --json > answer.json`,
    `head -n 5 rows.jsonl | espalier predict - --token "$TOKEN" --json`
    """
    from espalier.cli.predicted import open_writer

    sending, began, answers = Sending(explain, batch_rows), time.monotonic(), Answers()
    kept_rows = None if json and output is None else SHOWN_ROWS
    with connect(url, user, password_file, token, cacert, state) as client:
        with open_writer(output) if output else nullcontext() as writer, _progress() as progress:
            for batch in _read(rows, id_column or [], client, sending, progress):
                predictions, versions = _ask(client, batch, answers, sending, progress)
                if writer is not None:
                    writer.write(list(map(_record, batch.kept, _as_rows(predictions), versions)))
                room = None if kept_rows is None else max(0, kept_rows - len(answers.predictions))
                answers.predictions += _first(predictions, room)
            if not answers.rows:
                raise CommandFailed(f"{rows} has no rows")
    _report(answers, output, time.monotonic() - began, explain=explain, json=json)


def _read(path: Path, keep: list[str], client: Client, sending: Sending, progress: Progress) -> Iterator[Batch]:
    from espalier.cli.tables.batch import Wanted
    from espalier.cli.tables.opening import NAMED, open_source

    source = open_source(path)
    is_named = path.suffix in NAMED
    as_arrow = is_named and not sending.explain and find_spec("pyarrow") is not None
    features = client.model()["contract"]["features"] if is_named or keep else []
    wanted = Wanted(features, keep, sending.size(as_arrow=as_arrow), as_arrow)
    for batch in source.batches(wanted):
        progress.expect(source.total)
        yield batch


def _ask(client: Client, batch: Batch, answers: Answers, sending: Sending, progress: Progress) -> tuple[Any, list[str]]:
    """Return the predictions, as a list or a table of pyarrow, and the model version of each row."""
    from espalier.client import ApiProblem

    before = answers.rows
    try:
        result = client.predict(
            batch.rows,
            explain=sending.explain,
            rows_per_request=sending.batch_rows,
            progress=lambda done: progress.show(before + done),
        )
    except ApiProblem as problem:
        raise problem.shifted(before) from None
    answers.model, answers.rows = result.model, before + len(result)
    for version, rows in result.versions.items():
        answers.versions[version] = answers.versions.get(version, 0) + rows
    answers.feedback += [{"token": receipt.feedback_token, "rows": receipt.rows} for receipt in result.receipts]
    return result.predictions, [part.model.version for part in result.parts for _ in range(part.rows)]


def _as_rows(predictions: Any) -> list[Columns]:
    """Return predictions as rows of a table."""
    if isinstance(predictions, list):
        return [one.columns() for one in predictions]
    rows: list[Columns] = predictions.to_pylist()
    return rows


def _first(predictions: Any, number: int | None) -> list[AnyPrediction]:
    """Return the first predictions; None: all."""
    if isinstance(predictions, list):
        return predictions[:number]
    from espalier.client.predictions import kind_of_columns

    kind = kind_of_columns(predictions.column_names)
    return [kind.from_columns(row) for row in predictions.slice(0, number).to_pylist()]


class Progress:
    """A bar on a terminal."""

    def __init__(self, update: Callable[..., None]) -> None:
        """Store the function that draws."""
        self._update = update

    def expect(self, total: int | None) -> None:
        """Set the number of rows, if it is known."""
        self._update(total=total)

    def show(self, done: int) -> None:
        """Set the number of rows that are predicted."""
        self._update(completed=done)


@contextmanager
def _progress() -> Iterator[Progress]:
    from functools import partial

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Progress(partial(bar.update, bar.add_task("", total=None)))


def _record(kept: dict[str, Any], prediction: Columns, version: str) -> dict[str, Any]:
    """Return a row of the output: the prediction, the model version, the contributions."""
    explained = {name: value for name, value in prediction.items() if name.startswith("contribution.")}
    predicted = {
        name: value for name, value in prediction.items() if name not in explained and not name.startswith("base_value")
    }
    return {**kept, **predicted, "model_version": version, **explained}


def _report(answers: Answers, output: Path | None, seconds: float, *, explain: bool, json: bool) -> None:
    assert answers.model is not None  # noqa: S101 (there is a row)
    versions = " and ".join(answers.versions)
    rate = f"{answers.rows:,} rows in {seconds:.1f} s, {answers.rows / seconds:,.0f} per second"
    if json and not all(receipt["token"] for receipt in answers.feedback):
        say("no feedback tokens for so many rows in one request; if you will know the labels, add --batch-rows 1000")
    kind = answers.predictions[0].type
    summary: dict[str, Any] = {"model": asdict(answers.model), "target_type": kind, "feedback_tokens": answers.feedback}
    if json and output is None:
        print_json({**summary, "predictions": [one.as_json() for one in answers.predictions]})
    elif json:
        print_json({**summary, "rows": answers.rows, "versions": answers.versions, "output": str(output)})
    elif output is not None:
        say(f"{output}: {rate}, model version {versions}")
    else:
        from espalier.cli.shown import columns_of, line_of

        lines = [line_of(number, prediction) for number, prediction in enumerate(answers.predictions, start=1)]
        title = f"{answers.model.name} version {versions}"
        print_table(title, columns_of(answers.predictions[0], explain=explain), lines)
        say(rate if answers.rows == len(lines) else f"{rate}; the first {len(lines)} are shown, --output writes all")
