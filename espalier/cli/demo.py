"""``espalier demo``: from data to an authenticated prediction, with real servers, on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from espalier.cli.output import JsonOption, StateOption, console, print_json, print_table, say

if TYPE_CHECKING:
    from espalier.local.api_server import ApiAddress
    from espalier.local.demo_client import Day
    from espalier.local.state import State
    from pipelines.config.settings import Settings

__all__ = ["demo"]

USER = "demo"
SHOWN_ROWS = 12
METRICS = ("espalier_predictions_total", "espalier_model_test_metric", "http_requests_total")


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep MLflow and the API running until Ctrl-C.")] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; default: 8443 with --keep, otherwise a free port.")
    ] = None,
    mlflow_port: Annotated[
        int | None, typer.Option(help="Port of MLflow; default: 5000 with --keep, otherwise a free port.")
    ] = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Run everything once: data, DVC, training, gate, registry, HTTPS API, token, predictions, metrics.

    Trains on flights out of New York in January to September 2013, and predicts a day in the months after.

    Examples: `espalier demo`, `espalier demo --keep --port 9443`
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
    _step("Keys, certificate", f"in {state}/keys and {state}/tls")
    _provide_data()
    with pipeline_settings(local, mlflow_port=pages_port) as settings:
        _step("MLflow", f"running at {settings.mlflow_tracking_uri}")
        name = _train(settings)
        with api_server(local, mlflow_uri=settings.mlflow_tracking_uri, model_name=name, port=api_port) as api:
            _step("API", f"serving {name} at {api.url}")
            card, day = _ask(local, api)
            seconds = time.monotonic() - started
            if json:
                print_json({"seconds": round(seconds, 1), "model": card, "date": day.date, "rows": len(day.truth)})
            else:
                _show(card, day, api, seconds)
                _say_next_steps(local, api, settings, keep=keep)
            if keep:
                wait_for_interrupt()


def _step(title: str, text: str) -> None:
    say(f"[bold cyan]{title:<22}[/]{text}")


def _provide_data() -> None:
    """Export and push the table, and delete the local copies, so that the pipeline fetches it from the remote."""
    from pipelines.config.settings import load_settings
    from pipelines.data.flights import FLIGHTS_CSV, export_flights
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    remote = Remote(load_settings())
    pointer = load_pointer(FLIGHTS_CSV.with_name(f"{FLIGHTS_CSV.name}.dvc"))
    if remote.has(pointer):
        _step("Data", f"{pointer.name} is on the data remote, MD5 {pointer.md5}")
        return
    with console.status("exporting flights and weather …"):
        export_flights()
    remote.push(pointer, FLIGHTS_CSV)
    FLIGHTS_CSV.unlink()
    remote.forget(pointer)
    _step("Data", f"{pointer.name} exported and pushed to the data remote, MD5 {pointer.md5}")


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


def _ask(local: State, api: ApiAddress) -> tuple[dict[str, Any], Day]:
    from espalier.client import Client
    from espalier.local.demo_client import keep_password, make_user, predict_day

    password = make_user(local, USER)
    keep_password(local.demo_password, password)
    with Client(api.url, username=USER, password=password, ca=api.ca) as client:
        card = client.model()
        _step("Login", f"as user {USER} with a random password; the access token is valid for 15 minutes")
        return card, predict_day(client)


def _show(card: dict[str, Any], day: Day, api: ApiAddress, seconds: float) -> None:
    from espalier.local.demo_client import read_metrics

    _show_day(card, day)
    scores, lineage = card["metrics"]["test"], card["lineage"]
    rows = [
        ["name, version", f"{card['name']}, {card['version']}"],
        ["ROC AUC", f"{scores['roc_auc']:.4f} on {scores['rows']:,} test rows"],
        ["log loss", f"{scores['log_loss']:.4f} (base rate: {scores['base_rate_log_loss']:.4f})"],
        ["calibration error", f"{scores['calibration_error']:.4f}"],
        ["data (DVC MD5)", lineage["data_md5"]],
        ["code (git)", lineage["git_commit"]],
        ["MLflow run", lineage["run_id"]],
    ]
    print_table("Model card (GET /v1/model)", ["", ""], rows)
    console.print("Some metrics of the API:", *read_metrics(api, METRICS), sep="\n  ", soft_wrap=True)
    say("")
    _step("Plots", "in pipelines/work/plots, and in MLflow")
    _step("Done", f"in {seconds:.0f} s")


def _say_next_steps(local: State, api: ApiAddress, settings: Settings, *, keep: bool) -> None:
    """Print next steps, with addresses only of servers that keep running."""
    if not keep:
        _step("Next", "make demo KEEP=1 keeps MLflow and the API running; make serve starts them again")
        return
    _step("MLflow", settings.mlflow_tracking_uri)
    _step("API documentation", f"{api.url}/docs (certificate authority: {api.ca})")
    _step("Predict", f"as {USER}, with the password in {local.demo_password}:")
    say(f"  .venv/bin/espalier predict docs/example-request.json --url {api.url}")
    say("MLflow and the API keep running until Ctrl-C.")


def _show_day(card: dict[str, Any], day: Day) -> None:
    from espalier.local.demo_client import by_fifth, most_middle_least
    from pipelines.config.schema import load_schema

    schema = load_schema()
    names = [*(column.name for column in schema.identifiers), *([schema.time.name] if schema.time else [])]
    classes = card["contract"]["target"]["classes"]
    shown = [
        [
            *(str(day.rows.iloc[place][name]) for name in names),
            f"{day.probabilities[place]:.2f}",
            classes[day.truth[place]],
        ]
        for place in most_middle_least(day, SHOWN_ROWS // 3)
    ]
    each = SHOWN_ROWS // 3
    title = f"{len(day.truth)} test rows of {day.date}: the {each} with the highest, middle and lowest probability"
    print_table(title, [*names, f"P({classes[1]})", "actual"], shown)
    fifths = [
        [f"{number}.", f"{predicted:.0%}", f"{actual:.0%}"]
        for number, (predicted, actual) in enumerate(by_fifth(day), start=1)
    ]
    print_table(
        f"All {len(day.truth)} test rows of the day, by fifths of predicted probability",
        ["fifth", "predicted", f"actually {classes[1]}"],
        fifths,
    )
