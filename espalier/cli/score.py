"""``espalier score``: predict the rows of Parquet files with a model of the registry, without the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundle.vocabulary import CHAMPION
from espalier.cli.chosen_model import chosen_model
from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, print_table, say

if TYPE_CHECKING:
    from pipelines.scoring.partitions import Shard
    from pipelines.scoring.run import Options, Summary
    from pipelines.scoring.score import Advance

__all__ = ["score"]

PERCENT, ROUNDING = 100, 1e-6
SHOWN_FEATURES = 8


class InvalidRows(StrEnum):
    """What happens to a row that the API would refuse."""

    fail = "fail"
    null = "null"


def score(  # noqa: PLR0913, PLR0917 - each is an option
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A .parquet file, or a folder of them: a path, or s3://bucket/key.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="A .parquet file, or a folder: a path, or s3://bucket/key.")
    ],
    model: Annotated[
        str, typer.Option(help="Registered name; default: register.model_name in pipelines/params.yaml.")
    ] = "",
    version: Annotated[str, typer.Option(help="Number of the version, or an alias such as champion.")] = CHAMPION,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder with a signed bundle to use instead of the registry.")
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(help="Key that must have signed --bundle; may be repeated. Default: as for the registry."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="Column to copy to the output; may be repeated. Also: all, none. Default: those that the model does "
            "not use."
        ),
    ] = None,
    invalid_rows: Annotated[
        InvalidRows,
        typer.Option(
            help="Rows that the API would refuse. fail: no output, and an error that names them; null: no prediction, "
            "and the reason in the column invalid_reason."
        ),
    ] = InvalidRows.fail,
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows in memory at a time, for each worker.")] = 100_000,
    workers: Annotated[
        int, typer.Option(min=0, help="Cores to use; 0: all. Files are scored at the same time, then parts of a file.")
    ] = 0,
    shard: Annotated[
        str, typer.Option(help="Part of the files, such as 0/4 for the first of four pods of an Indexed Job.")
    ] = "0/1",
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Predict all rows of Parquet files, from disk to disk or from S3 to S3.

    Every output has the copied columns, the prediction, the model's name, version and run, and appears only when it is
    complete. Run the same command again after an interruption: finished files are skipped, and the others are scored
    with the same version, even if the champion has changed. The drift of the whole batch against the training data is
    written next to the output.

    S3: PIPELINE_S3_ENDPOINT_URL for a server other than Amazon's, and the usual AWS_* credentials.

    Examples: `espalier score day.parquet scored.parquet`, `espalier score s3://lake/flights s3://lake/scored
    --version 3 --workers 4`, `espalier score rows scored --invalid-rows null --keep flight --json`
    """
    from pipelines.config.settings import load_settings
    from pipelines.scoring.partitions import find_tables
    from pipelines.scoring.run import run_scoring

    part = _shard(shard)
    options = _options(keep, invalid_rows, batch_rows, workers or len(os.sched_getaffinity(0)), part)
    tables = find_tables(source, target, load_settings())
    with (
        chosen_model(model, version, bundle, public_key, state) as (chosen, settings),
        _progress(len(tables.of(part))) as advance,
    ):
        summary = run_scoring(tables, chosen, settings, options, advance)
    print_json(_as_json(summary)) if json else _report(summary)


def _shard(text: str) -> Shard:
    from pipelines.scoring.partitions import Shard

    index, _, of = text.partition("/")
    if not (index.isdecimal() and of.isdecimal() and int(index) < int(of)):
        raise CommandFailed(f"--shard {text}: write it as INDEX/NUMBER, such as 0/4, counted from 0")
    return Shard(int(index), int(of))


def _options(keep: list[str] | None, invalid_rows: InvalidRows, batch_rows: int, workers: int, shard: Shard) -> Options:
    from pipelines.scoring.run import Options

    return Options(tuple(keep) if keep else None, invalid_rows.value, batch_rows, workers, shard)


@contextmanager
def _progress(files: int) -> Iterator[Advance]:
    """Yield a function that is called with the rows that are scored, and their share of one file."""
    from pipelines.progress import progress_bar

    rows, shares, steps = 0, 0.0, 0
    with progress_bar("scored %", PERCENT) as step:

        def advance(more: int, share: float) -> None:
            nonlocal rows, shares, steps
            rows, shares = rows + more, shares + share
            while steps < min(PERCENT, int(PERCENT * shares / files + ROUNDING)):
                steps += 1
                step(f"{rows:,} rows")

        yield advance


def _as_json(summary: Summary) -> dict[str, Any]:
    new = [result for result in summary.results if result.is_new]
    rows = sum(result.counts.rows for result in new)
    return {
        "model": {"name": summary.run.model.name, "version": summary.run.model.version, "run_id": summary.run.run_id},
        "evaluator": summary.evaluator,
        "files": len(summary.results),
        "skipped_files": len(summary.results) - len(new),
        "rows": sum(result.counts.rows for result in summary.results),
        "refused_rows": sum(result.counts.refused for result in summary.results),
        "seconds": summary.seconds,
        "rows_per_second": rows / summary.seconds if rows else None,
        "drift_report": summary.drift_address if summary.drift else None,
        "above_natural": _above(summary.drift, "above_natural"),
        "above_alert": _above(summary.drift, "above_alert"),
        "newer_version": summary.newer_version,
    }


def _above(drift: dict[str, Any] | None, what: str) -> list[str]:
    """Return the features, and perhaps the score, that drift more than a limit."""
    if drift is None:
        return []
    compared = {"score": drift["score"], **drift["features"]}
    return [name for name, found in compared.items() if found[what]]


def _report(summary: Summary) -> None:
    told = _as_json(summary)
    rate = f", {told['rows_per_second']:,.0f} rows per second" if told["rows_per_second"] else ""
    skipped = f" ({told['skipped_files']} were finished before)" if told["skipped_files"] else ""
    refused = f", {told['refused_rows']:,} of them without a prediction" if told["refused_rows"] else ""
    say(f"{summary.run.model}: {told['files']} file(s){skipped}, {told['rows']:,} rows{refused}{rate}")
    if summary.newer_version:
        say(f"continued with version {summary.run.model.version}, as begun; version {summary.newer_version} is newer")
    if summary.drift is None:
        say("the drift report is written when the other shards are finished")
        return
    _show_drift(summary.drift)
    say(f"drift report: {summary.drift_address}")


def _show_drift(drift: dict[str, Any]) -> None:
    """Print the score and the features that drift most."""
    features = sorted(drift["features"].items(), key=lambda item: -(item[1]["psi"] or 0))
    rows = [
        [name, _number(found["psi"]), _number(found["natural_psi"]), _judged(found)]
        for name, found in [("score", drift["score"]), *features[:SHOWN_FEATURES]]
    ]
    left = len(features) - SHOWN_FEATURES
    title = "Drift against training" + (f" (of {left} more features it is less)" if left > 0 else "")
    print_table(title, ["", "PSI", "natural PSI", ""], rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _judged(found: dict[str, Any]) -> str:
    if found["psi"] is None:
        return "too few rows"
    if found["above_alert"]:
        return f"drift: above {found['alert_psi']:.2f}, where the alert fires"
    return "above what seven days of training had" if found["above_natural"] else ""
