"""``espalier demo``: from data to an authenticated prediction, with real servers, on this machine."""

from __future__ import annotations

import json as jsonlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from espalier.cli.output import (
    CommandFailed,
    JsonOption,
    ProjectOption,
    StateOption,
    console,
    print_json,
    print_table,
    say,
)

if TYPE_CHECKING:
    from espalier.local.api_server import ApiAddress
    from espalier.local.demo_client import Sample
    from espalier.local.state import State
    from pipelines.config.settings import Settings

__all__ = ["demo"]

USER = "demo"
SHOWN_ROWS = 12
PLOTS = Path("pipelines/work/plots")
CERTAINTY = ("calibration_error", "coverage")
"""Scores that say whether the model is as sure as it should be; a type of target has one of them, or none."""

METRICS = ("espalier_predictions_total", "espalier_model_test_metric", "http_requests_total")


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep MLflow and the API running until Ctrl-C.")] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; default: 8443 with --keep, otherwise a free port.")
    ] = None,
    mlflow_port: Annotated[
        int | None, typer.Option(help="Port of MLflow; default: 5000 with --keep, otherwise a free port.")
    ] = None,
    project: ProjectOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Run everything once: data, DVC, training, gate, registry, HTTPS API, token, predictions, metrics.

    Trains on flights out of New York in January to September 2013, and predicts a day in the months after. With
    --project it trains on the table of another project, and predicts its test rows.

    Examples: `espalier demo`, `espalier demo --keep --port 9443`, `espalier demo --project examples/wine`
    """
    from espalier.local.api_server import api_server
    from espalier.local.pipeline import pipeline_settings
    from espalier.local.processes import check_port, wait_for_interrupt
    from espalier.local.state import open_state

    started = time.monotonic()
    api_port, pages_port = (port or 8443, mlflow_port or 5000) if keep else (port, mlflow_port)
    for fixed in (api_port, pages_port):
        if fixed is not None:
            check_port(fixed)
    local = open_state(state)
    home = project or Path()  # of the paths that are printed
    _step("Keys, certificate", f"in {home / state}/keys and {home / state}/tls")
    _provide_data(home)
    with pipeline_settings(local, mlflow_port=pages_port) as settings:
        _step("MLflow", f"running at {settings.mlflow_tracking_uri}")
        name = _train(settings)
        with api_server(local, mlflow_uri=settings.mlflow_tracking_uri, model_name=name, port=api_port) as api:
            _step("API", f"serving {name} at {api.url}")
            card, sample = _ask(local, api)
            seconds = time.monotonic() - started
            if json:
                print_json(
                    {"seconds": round(seconds, 1), "model": card, "date": sample.date, "rows": len(sample.truth)}
                )
            else:
                _show(card, sample, api)
                _step("Plots", f"in {home / PLOTS}, and in MLflow")
                _step("Done", f"in {seconds:.0f} s")
                _say_next_steps(local, api, settings, card, project, keep=keep)
            if keep:
                wait_for_interrupt()


def _step(title: str, text: str) -> None:
    say(f"[bold cyan]{title:<22}[/]{text}")


def _provide_data(home: Path) -> None:
    """Push the table to the data remote, and delete the local copy, so that the pipeline fetches it from there."""
    from pipelines.config.params import load_params
    from pipelines.config.settings import load_settings
    from pipelines.data.flights import FLIGHTS_CSV, export_flights
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    settings = load_settings()
    remote, source = Remote(settings), settings.pointer_file or load_params().fetch.pointer
    pointer = load_pointer(source)
    table = source.resolve().parent / pointer.name
    if remote.has(pointer):
        _step("Data", f"{pointer.name} is on the data remote, MD5 {pointer.md5}")
        return
    is_exported = not table.exists() and pointer.name == FLIGHTS_CSV.name
    if is_exported:
        with console.status("exporting flights and weather …"):
            export_flights()
        table = FLIGHTS_CSV
    elif not table.exists():
        raise CommandFailed(f"{home / source.parent / pointer.name} not found; put the table beside its pointer")
    remote.push(pointer, table)
    if is_exported:
        table.unlink()
    remote.forget(pointer)
    _step(
        "Data", f"{pointer.name} {'exported and ' if is_exported else ''}pushed to the data remote, MD5 {pointer.md5}"
    )


def _train(settings: Settings) -> str:
    from bundle.vocabulary import CHAMPION
    from espalier.local.pipeline import as_environment
    from pipelines.config.params import load_params
    from pipelines.registry.versions import Registry
    from pipelines.runner.run import run_pipeline

    name = load_params().register_.model_name
    # Files of an earlier run may exist although its registry was deleted.
    force = Registry(settings).version_of(name, CHAMPION) is None
    ran = run_pipeline(as_environment(settings), force=force)
    if not ran:
        _step("Pipeline", "nothing has changed since the last run, every stage skipped")
    return name


def _ask(local: State, api: ApiAddress) -> tuple[dict[str, Any], Sample]:
    from espalier.client import Client
    from espalier.local.demo_client import keep_password, make_user, predict_sample

    password = make_user(local, USER)
    keep_password(local.demo_password, password)
    with Client(api.url, username=USER, password=password, ca=api.ca) as client:
        card = client.model()
        _step("Login", f"as user {USER} with a random password; the access token is valid for 15 minutes")
        return card, predict_sample(client)


def _show(card: dict[str, Any], sample: Sample, api: ApiAddress) -> None:
    from bundle import BundleMetrics
    from espalier.local.demo_client import read_metrics
    from pipelines.targets.project import load_project

    _show_sample(card, sample)
    scores, task, lineage = BundleMetrics.model_validate(card["metrics"]).test, load_project().task, card["lineage"]
    rows = [
        ["name, version", f"{card['name']}, {card['version']}"],
        ["scores", f"{task.headline(scores, base=True)} on {scores.rows:,} test rows"],
        *([name.replace("_", " "), f"{scores.figures[name]:.4f}"] for name in CERTAINTY if name in scores.figures),
        ["data (DVC MD5)", lineage["data_md5"]],
        ["code (git)", lineage["git_commit"]],
        ["MLflow run", lineage["run_id"]],
    ]
    print_table("Model card (GET /v1/model)", ["", ""], rows)
    console.print("Some metrics of the API:", *read_metrics(api, METRICS), sep="\n  ", soft_wrap=True)
    say("")


def _say_next_steps(
    local: State, api: ApiAddress, settings: Settings, card: dict[str, Any], project: Path | None, *, keep: bool
) -> None:
    """Print next steps, with addresses only of servers that keep running."""
    if not keep:
        serve = f"espalier serve --project {project}" if project else "make serve"
        again = f"espalier demo --keep --project {project}" if project else "make demo KEEP=1"
        _step("Next", f"{again} keeps MLflow and the API running; {serve} starts them again")
        return
    home = project or Path()
    _step("MLflow", settings.mlflow_tracking_uri)
    _step("API documentation", f"{api.url}/docs (certificate authority: {home / api.ca})")
    _step("Predict", f"as {USER}, with the password in {home / local.demo_password}:")
    request = _example_request(local, card) if project else Path("docs/example-request.json")
    of_project = f" --state {home / local.folder}" if project else ""
    say(f"  .venv/bin/espalier predict {home / request} --url {api.url}{of_project}")
    say("MLflow and the API keep running until Ctrl-C.")


def _example_request(local: State, card: dict[str, Any]) -> Path:
    path = local.folder / "example-request.json"
    path.write_text(jsonlib.dumps({"rows": [card["contract"]["example"]]}, indent=2) + "\n", encoding="utf-8")
    return path


def _show_sample(card: dict[str, Any], sample: Sample) -> None:
    from espalier.cli.demo_tables import most_middle_least, tables_of
    from pipelines.config.schema import load_schema

    schema = load_schema()
    names = [*(column.name for column in schema.identifiers), *([schema.time.name] if schema.time else [])]
    tables, each = tables_of(sample, card["contract"]["target"]["classes"]), SHOWN_ROWS // 3
    shown = [[*(_names(sample, names, place)), *tables.line(place)] for place in most_middle_least(tables.scores, each)]
    of_day = f" of {sample.date}" if sample.date else ""
    title = f"{len(sample.truth)} test rows{of_day}: the {each} with the highest, middle and lowest {tables.order}"
    print_table(title, [*(names or ["row"]), *tables.columns], shown)
    all_rows = f"All {len(sample.truth)} test rows{' of the day' if sample.date else ''}, {tables.summary_title}"
    print_table(all_rows, tables.summary_columns, tables.summary())


def _names(sample: Sample, names: list[str], place: int) -> list[str]:
    return [str(sample.rows.iloc[place][name]) for name in names] or [str(place + 1)]
