"""Checkpoints of a training: one that was killed goes on where it was, and gives the same bytes as one that was not.

A checkpoint is one file: the SHA-256 of what follows, a line of JSON (the key, the callbacks' state, XGBoost's
configuration), and the booster. The key binds it to one training. A training that cannot be continued exactly gets no
checkpoint: any other tree method than hist (approx keeps the quantiles of the first round's rows), and with XGBoost
before 3.3, whose configuration lacks the state of its random generator, one with random choices.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import xgboost as xgb

from pipelines.console import console
from pipelines.dataset.whole_file import whole_file

__all__ = ["Checkpoint", "Checkpoints", "Stateful", "train_or_continue"]

SUFFIX = ".checkpoint"
NEWLINE = b"\n"

ALL_ROWS_AND_COLUMNS = ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode")
"""Parameters of XGBoost that choose at random unless they are 1."""

RANDOM_STATE = "rng_state"
"""In the configuration of an XGBoost that keeps the state of its random generator."""


EXACT = {"tree_method": ("auto", "hist"), "device": ("cpu",), "process_type": ("default",), "updater": ()}
"""A training can be continued exactly if these parameters of XGBoost are not set, or have such a value."""


@runtime_checkable
class Stateful(Protocol):
    """A callback of XGBoost that goes on from a checkpoint."""

    def state(self) -> dict[str, Any]:
        """Return what it has to know later, as JSON."""
        ...

    def restore(self, state: dict[str, Any], rounds: int) -> None:
        """Go on after so many rounds; XGBoost counts from 0 again."""
        ...


@dataclass(frozen=True)
class Checkpoint:
    """The file of one training, and what the training must be for it to be used."""

    path: Path
    seconds: float
    """At least so long between two of them."""

    identity: Sequence[str]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run."""

    folder: Path
    seconds: float
    """How often; 0: never."""

    identity: Sequence[str]
    """What decides the models of the run besides XGBoost's parameters: rows, contract, commit, libraries."""

    def of(self, name: str) -> Checkpoint | None:
        """Return the checkpoint of one of the run's trainings; None if there are to be none."""
        if not self.seconds:
            return None
        return Checkpoint(self.folder / f"{name}{SUFFIX}", self.seconds, self.identity)

    def remove(self) -> None:
        """Delete all of them: the run has written its models."""
        for path in self.folder.glob(f"*{SUFFIX}*"):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # it has other files, is a volume, or was never made
            self.folder.rmdir()


@dataclass(frozen=True)
class _Saved:
    """The content of a checkpoint."""

    rounds: int
    finished: bool
    """Whether the training ended, after all rounds or by a callback."""

    states: Sequence[dict[str, Any]]
    config: str
    model: bytes

    def booster(self) -> xgb.Booster:
        booster = xgb.Booster()
        booster.load_model(bytearray(self.model))
        booster.load_config(self.config)
        return booster


def train_or_continue(
    params: Mapping[str, Any],
    matrix: xgb.DMatrix,
    rounds: int,
    *,
    evals: Sequence[tuple[xgb.DMatrix, str]],
    callbacks: Sequence[Any],
    checkpoint: Checkpoint | None,
) -> xgb.Booster:
    """Train ``rounds`` rounds, without those that a checkpoint of the same training has.

    Args:
        params: of XGBoost.
        matrix: rows to learn from.
        callbacks: XGBoost's; those that are ``Stateful`` go on from the checkpoint, too.
        checkpoint: None: train in one go.

    Raises:
        xgboost.core.XGBoostError: it rejects the parameters.
    """
    if checkpoint is None:
        return xgb.train(dict(params), matrix, rounds, evals=evals, callbacks=list(callbacks), verbose_eval=False)
    key = _key(params, matrix, rounds, evals, checkpoint)
    stateful = [callback for callback in callbacks if isinstance(callback, Stateful)]
    saved = _read(checkpoint.path, key)
    if saved is not None:
        for callback, state in zip(stateful, saved.states, strict=True):
            callback.restore(state, saved.rounds)
        console.print(
            f"training goes on after round {saved.rounds} of {rounds}, from {checkpoint.path}", soft_wrap=True
        )
    left = rounds if saved is None else 0 if saved.finished else rounds - saved.rounds
    keeper = [_Keeper(checkpoint, key, stateful, is_random=_is_random(params))] if _is_exact(params) else []
    return xgb.train(
        dict(params),
        matrix,
        left,
        evals=evals,
        callbacks=[*callbacks, *keeper],
        xgb_model=None if saved is None else saved.booster(),
        verbose_eval=False,
    )


class _Keeper(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Write a checkpoint every so often, after the other callbacks: none is written in the round that one of them ends.

    At the end one more is written, if the training was long: another one may follow in the same run.
    """

    def __init__(self, checkpoint: Checkpoint, key: str, stateful: Sequence[Stateful], *, is_random: bool) -> None:
        self._checkpoint, self._key, self._stateful, self._is_random = checkpoint, key, stateful, is_random
        self._began = self._written = time.monotonic()
        self._is_new = False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self._is_new = True
        if time.monotonic() - self._written >= self._checkpoint.seconds:
            self._write(model, finished=False)
        return False

    def after_training(self, model: Any) -> Any:
        if self._is_new and time.monotonic() - self._began >= self._checkpoint.seconds:
            self._write(model, finished=True)
        return model

    def _write(self, model: Any, *, finished: bool) -> None:
        config = model.save_config()
        self._written = time.monotonic()
        if self._is_random and RANDOM_STATE not in config:
            return
        head = {
            "key": self._key,
            "rounds": model.num_boosted_rounds(),
            "finished": finished,
            "states": [callback.state() for callback in self._stateful],
            "config": config,
        }
        try:
            _write(self._checkpoint.path, json.dumps(head).encode() + NEWLINE + bytes(model.save_raw("ubj")))
        except OSError as error:  # the model is worth more than its checkpoint
            console.print(f"no checkpoint: cannot write {self._checkpoint.path}: {error.strerror}", soft_wrap=True)
        self._written = time.monotonic()


def _key(
    params: Mapping[str, Any],
    matrix: xgb.DMatrix,
    rounds: int,
    evals: Sequence[tuple[xgb.DMatrix, str]],
    checkpoint: Checkpoint,
) -> str:
    """Return a hash of everything that decides the model, but for the number of threads, which does not."""
    decisive = {name: value for name, value in params.items() if name != "nthread"}
    found = hashlib.sha256(repr((sorted(decisive.items()), rounds, *checkpoint.identity)).encode())
    for each in (matrix, *(rows for rows, _ in evals)):
        found.update(repr((each.num_row(), each.feature_names, each.feature_types)).encode())
        found.update(each.get_label().tobytes())
        found.update(each.get_weight().tobytes())
    return found.hexdigest()


def _is_exact(params: Mapping[str, Any]) -> bool:
    return all(params[name] in values for name, values in EXACT.items() if name in params)


def _is_random(params: Mapping[str, Any]) -> bool:
    return params.get("booster") == "dart" or any(float(params.get(name, 1)) != 1 for name in ALL_ROWS_AND_COLUMNS)


def _read(path: Path, key: str) -> _Saved | None:
    """Return what was saved of this training; the checkpoint of another one, or a damaged one, is deleted."""
    try:
        digest, _, content = path.read_bytes().partition(NEWLINE)
    except FileNotFoundError:
        return None
    why = "it is damaged"
    if hashlib.sha256(content).hexdigest().encode() == digest:
        head, _, model = content.partition(NEWLINE)
        found = json.loads(head)
        if found.pop("key") == key:
            return _Saved(**found, model=model)
        why = "it belongs to another training"
    path.unlink(missing_ok=True)
    console.print(f"deleted the checkpoint {path}: {why}", soft_wrap=True)
    return None


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(hashlib.sha256(content).hexdigest().encode() + NEWLINE + content)
        file.flush()
        os.fsync(file.fileno())
