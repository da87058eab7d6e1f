"""``espalier simulate-gate``: how often is the gate wrong on this table?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.output import JsonOption, ProjectOption, print_json, print_table, say

if TYPE_CHECKING:
    from pipelines.config.params import GateParams
    from pipelines.simulation.retrains import Plan
    from pipelines.simulation.summary import Summary

__all__ = ["simulate_gate"]


def simulate_gate(  # noqa: PLR0913, PLR0917 - each is an option
    retrains: Annotated[int, typer.Option(min=2, help="How many comparisons of retrained models.")] = 200,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Training rows of each model; default: as many as there are, drawn with replacement."),
    ] = None,
    champion_rows: Annotated[
        int | None, typer.Option(min=1, help="Fewer training rows for each champion: how often is the gain found?")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Column that each champion does without; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other rows.")] = 0,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    json: JsonOption = False,
) -> None:
    """Train the model of params.yaml many times, and let the gate compare each with the one before.

    None is better than the others but by luck, so this shows how often the gate is wrong, and how large
    register.gate.min_improvement must be. With --champion-rows or --without the champions are worse for a reason: this
    shows how often the gate finds it. Nothing is registered. Needs the files of `espalier train --until prepare`.

    Examples: `espalier simulate-gate --rows 50000`, `espalier simulate-gate --retrains 100 --without humid`
    """
    from pipelines.dataset.files import TEST, TRAIN, read_prepared
    from pipelines.progress import progress_bar
    from pipelines.simulation.retrains import Plan, retrain
    from pipelines.simulation.summary import summarise
    from pipelines.targets.project import load_project

    plan = Plan(retrains, rows, champion_rows, tuple(without or ()), seed)
    loaded = load_project()
    train, test = read_prepared(TRAIN), read_prepared(TEST)
    with progress_bar("training", plan.models) as advance:
        found = list(retrain(train, test, loaded, plan, advance))
    gate = loaded.params.register_.gate
    summary = summarise(found, gate)
    if json:
        print_json({**summary.model_dump(mode="json"), "each": [one.model_dump(mode="json") for one in found]})
    else:
        _show(summary, gate, plan)


def _show(summary: Summary, gate: GateParams, plan: Plan) -> None:
    kinds = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in summary.kinds.items() if count)
    rows = [
        ["called better", f"{summary.better_share:.1%} of {summary.comparisons}"],
        ["verdicts", kinds],
        ["mean gain", f"{summary.mean_gain:.5f} in {gate.compare_by}"],
        ["luck of training (standard deviation)", f"{summary.gain_deviation:.5f}"],
        ["luck of the test rows (standard error)", f"{summary.mean_error:.5f}"],
        ["gain that nine of ten times is found", f"{summary.detected_gain:.5f}"],
    ]
    if not plan.is_handicapped:
        rows.append(["min_improvement that is enough", f"{summary.needed_improvement:.5f}"])
    print_table("The gate on retrained models", ["", ""], rows)
    if not plan.is_handicapped and summary.needed_improvement > gate.min_improvement:
        say(
            f"register.gate.min_improvement is {gate.min_improvement:g}; retrains that are only lucky would pass too "
            f"often: set it to {summary.needed_improvement:.5f} or more"
        )
