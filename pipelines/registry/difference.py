"""How two registered versions differ: files, parameters, data, contract, scores, slices, importance of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bundle import Contract
from bundle.layout import MODEL
from pipelines.errors import NotComparable
from pipelines.registry.description import Description
from pipelines.registry.versions import Version
from pipelines.targets.of_type import task_of

__all__ = ["Difference", "Pair", "check_different", "compare"]

LEFT_OUT = ("run_id", "created")
"""Parts of an identity in which any two versions differ."""


@dataclass(frozen=True)
class Pair:
    """What two versions have under one name; None: nothing."""

    name: str
    first: Any
    second: Any

    @property
    def difference(self) -> float | None:
        """The second less the first, if both are numbers."""
        if _is_number(self.first) and _is_number(self.second):
            return float(self.second - self.first)
        return None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found = {"name": self.name, "first": self.first, "second": self.second}
        return found if self.difference is None else {**found, "difference": self.difference}


@dataclass(frozen=True)
class Difference:
    """Two versions side by side. ``files``, ``params``, ``data``, ``origin`` and ``contract`` have what differs."""

    name: str
    first: str
    second: str
    metric: str
    """The score by which slices are compared."""

    same_model: bool
    """Whether the model files are the same, byte for byte."""

    files: tuple[Pair, ...]
    params: tuple[Pair, ...]
    data: tuple[Pair, ...]
    origin: tuple[Pair, ...]
    contract: tuple[Pair, ...]
    metrics: tuple[Pair, ...]
    slices: tuple[Pair, ...]
    importance: tuple[Pair, ...]

    @property
    def same_test_rows(self) -> bool:
        """Whether the scores are of the same table and as many test rows: others differ by their rows too."""
        return not any(pair.name in ("sha256", "test_rows", "split") for pair in self.data)

    def as_json(self) -> dict[str, Any]:
        """Return all of it for programs."""
        parts = ("files", "params", "data", "origin", "contract", "metrics", "slices", "importance")
        whole = ("name", "first", "second", "metric", "same_model", "same_test_rows")
        return {
            **{name: getattr(self, name) for name in whole},
            **{name: [pair.as_json() for pair in getattr(self, name)] for name in parts},
        }


def compare(first: Description, second: Description) -> Difference:
    """Compare two versions of one model.

    Raises:
        NotComparable: they predict targets of different types.
    """
    _check_types(first, second)
    metric = task_of(second.bundle.contract.target).metrics[0]
    files = _changed(first.files, second.files)
    return Difference(
        name=first.version.name,
        first=first.version.number,
        second=second.version.number,
        metric=metric,
        same_model=not any(pair.name == MODEL for pair in files),
        files=files,
        params=_changed(first.params, second.params),
        data=_changed(first.data, second.data),
        origin=_changed(*({k: v for k, v in one.identity.items() if k not in LEFT_OUT} for one in (first, second))),
        contract=_changed(_columns(first.bundle.contract), _columns(second.bundle.contract)),
        metrics=_pairs(first.metrics, second.metrics),
        slices=_pairs(_of(metric, first.slices), _of(metric, second.slices)),
        importance=_pairs(first.importance, second.importance),
    )


def check_different(first: Version, second: Version) -> None:
    """Refuse to compare a version with itself, before anything is downloaded.

    Raises:
        NotComparable: they are one version.
    """
    if first.number == second.number:
        raise NotComparable(f"both are {first.identity}; name two different versions")


def _check_types(first: Description, second: Description) -> None:
    types = [one.bundle.contract.target.type for one in (first, second)]
    if types[0] != types[1]:
        raise NotComparable(
            f"{first.version.identity} predicts a target of type {types[0]}, and version {second.version.number} one "
            f"of type {types[1]}: their scores have no common meaning; show each with: espalier models show"
        )


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Return what either has, in the order of the second, with what only the first has at the end."""
    return tuple(Pair(name, first.get(name), second.get(name)) for name in dict.fromkeys([*second, *first]))


def _changed(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Pair, ...]:
    return tuple(pair for pair in _pairs(first, second) if pair.first != pair.second)


def _of(metric: str, slices: Mapping[str, Mapping[str, float]]) -> dict[str, float | None]:
    return {name: figures.get(metric) for name, figures in slices.items()}


def _columns(contract: Contract) -> dict[str, str]:
    """Return every feature with what a request may send, ignored columns, and the target, as JSON texts."""
    features = {each.name: each.model_dump_json(exclude={"name"}, exclude_defaults=True) for each in contract.features}
    ignored = dict.fromkeys((column.name for column in contract.ignored), '{"ignored":true}')
    target = contract.target
    return {
        **features,
        **ignored,
        f"{target.name} (target)": target.model_dump_json(exclude={"name"}, exclude_defaults=True),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
