"""params.yaml as frozen, typed objects: one class a stage."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import InvalidParams

__all__ = [
    "PARAMS_FILE",
    "EvaluateParams",
    "GateParams",
    "Params",
    "PrepareParams",
    "RegisterParams",
    "TrainParams",
    "ValidateParams",
    "describe_problems",
    "hash_of_files",
    "load_params",
    "read_yaml",
]

PARAMS_FILE = Path("pipelines/params.yaml")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FetchParams(_Block):
    """Which data."""

    pointer: Path


class ValidateParams(_Block):
    """When data is refused as a whole."""

    min_rows: int = Field(default=1, ge=1)
    max_reported: int = Field(default=20, ge=1)


class PrepareParams(_Block):
    """Where the test set begins: at a time, or with the newest share of the rows."""

    test_from: datetime | date | None = None
    test_share: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.test_from is None) == (self.test_share is None):
            raise ValueError("give exactly one of test_from and test_share")
        return self


class TrainParams(_Block):
    """How to boost."""

    seed: int = Field(ge=0)
    rounds: int = Field(ge=1)
    threads: int = Field(default=0, ge=0)
    booster: dict[str, str | int | float | bool]


class EvaluateParams(_Block):
    """How to judge and how to slice."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    slices: tuple[str, ...] = ()
    time_slice: Literal["month", "quarter", "none"] = "none"
    min_slice_rows: int = Field(default=1, ge=1)
    bins: int = Field(default=10, ge=2, le=50)
    category_bins: int = Field(default=24, ge=2, le=100)
    explained_rows: int = Field(default=2000, ge=1, le=100_000)


class GateParams(_Block):
    """What lets a model through."""

    min_roc_auc: float = Field(ge=0.5, le=1)
    beat_base_rate: bool = True
    compare_by: Literal["log_loss", "brier", "roc_auc", "pr_auc"] = "log_loss"
    min_improvement: float = Field(default=0.0, ge=0)


class RegisterParams(_Block):
    """Under which name, and past which gate."""

    model_name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    description: str
    gate: GateParams


class Params(_Block):
    """The whole file."""

    fetch: FetchParams
    # Called like its stage; pydantic's old method of this name is not used here.
    validate_: ValidateParams = Field(alias="validate")
    prepare: PrepareParams
    train: TrainParams
    evaluate: EvaluateParams
    register_: RegisterParams = Field(alias="register")


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read params.yaml.

    Raises:
        InvalidParams: names the file, the key and the rule.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InvalidParams(describe_problems(path, error)) from error


def read_yaml(path: Path) -> Any:
    """Read one YAML file.

    Raises:
        InvalidParams: no such file, or not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidParams(f"cannot read {path}: {error.strerror}; run from the project's folder") from error
    except yaml.YAMLError as error:
        raise InvalidParams(f"{path} is not YAML: {error}") from error


def hash_of_files(*paths: Path) -> str:
    """SHA-256 over the contents of the files, in order."""
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def describe_problems(path: Path, error: ValidationError) -> str:
    """One line: the file, and each key with its rule."""
    problems = (f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
    return f"{path}: " + "; ".join(problems)
