"""What a study found: as YAML, as a table, as a picture, and in params.yaml."""

from __future__ import annotations

import os
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipelines.config.params import PARAMS_FILE, load_params
from pipelines.dataset.files import write_json
from pipelines.model.plots import save_picture
from pipelines.targets.project import Project
from pipelines.tuning.search import ROUNDS

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes

__all__ = ["as_yaml", "change_params", "changes_of", "write_outcome"]

DIGITS = 4
"""Significant digits of a tuned number: more would suggest a precision that no search has."""


def changes_of(trial: optuna.trial.FrozenTrial, project: Project) -> dict[str, Any]:
    """Return what the best trial changes in the block ``train``: booster parameters, and without early stopping the
    number of rounds.
    """
    booster = {name: _rounded(value) for name, value in trial.params.items()}
    if project.params.train.early_stopping is not None:
        return {"booster": booster}
    return {"rounds": trial.user_attrs[ROUNDS], "booster": booster}


def as_yaml(changes: dict[str, Any]) -> str:
    """Return the changes as a block of params.yaml."""
    return yaml.safe_dump({"train": changes}, sort_keys=False)


def change_params(changes: dict[str, Any], path: Path = PARAMS_FILE) -> None:
    """Write the changes into params.yaml; comments and all other values stay.

    Raises:
        InvalidParams: the result would not be valid; the file is as it was.
    """
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096  # no line is wrapped that was not
    editor.indent(mapping=2, sequence=4, offset=2)
    content = editor.load(path.read_text(encoding="utf-8"))
    if "rounds" in changes:
        content["train"]["rounds"] = changes["rounds"]
    content["train"]["booster"].update(changes["booster"])
    text = StringIO()
    editor.dump(content, text)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder) / path.name
        written.write_text(text.getvalue(), encoding="utf-8")
        load_params(written)
        written.chmod(path.stat().st_mode)
        os.replace(written, path.resolve())


def write_outcome(
    folder: Path, study: optuna.Study, changes: dict[str, Any] | None, *, present: float, loss: str
) -> None:
    """Write the trials as a table for MLflow, the history as a picture, and what is best, if it is better."""
    folder.mkdir(parents=True, exist_ok=True)
    trials = study.get_trials(deepcopy=False)
    names = sorted({name for trial in trials for name in trial.params})
    rows = [
        [
            trial.number,
            trial.state.name.lower(),
            trial.value,
            trial.user_attrs.get(ROUNDS),
            trial.duration.total_seconds() if trial.duration else None,
            *(trial.params.get(name) for name in names),
        ]
        for trial in trials
    ]
    write_json({"columns": ["trial", "state", loss, ROUNDS, "seconds", *names], "data": rows}, folder / "trials.json")
    save_picture(folder / "history.png", lambda ax: _draw(ax, study, present=present, loss=loss))
    if changes is not None:
        (folder / "best.yaml").write_text(as_yaml(changes), encoding="utf-8")


def _draw(ax: Axes, study: optuna.Study, *, present: float, loss: str) -> None:
    done = [(trial.number, trial.value) for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    complete = [(number, value) for number, value in done if value <= present * 10]
    best, line = present, []
    for _, value in complete:
        best = min(best, value)
        line.append(best)
    numbers = [number for number, _ in complete]
    ax.scatter(numbers, [value for _, value in complete], s=12, label="trial")
    ax.step(numbers, line, where="post", label="best so far")
    ax.axhline(present, linestyle="--", color="grey", label="present parameters")
    ax.set_xlabel("trial")
    ax.set_ylabel(f"validation {loss}")
    ax.legend()


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
