"""Pods of the API that count real rows into bins, as series that Prometheus would scrape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import Bins, Contract, Reference
from bundle.reference import MISSING, OTHER
from evaluation.bins import BinCounter, DriftCounter

Series = dict[str, str]
Floats = npt.NDArray[np.floating[Any]]

JOB = 'namespace="espalier",job="espalier-api-metrics"'
FLOOR = 1e-4
"""The minimum of a share, as in the rules: an empty bin would be infinite drift."""


@dataclass(frozen=True)
class Served:
    """A served version: contract and reference of its bundle."""

    version: str
    contract: Contract
    reference: Reference


@dataclass
class Pod:
    """One replica: zeros at its start, counts at every scrape, zeros again after a restart."""

    name: str
    served: Served
    starts: int = 0
    ends: int | None = None
    """The scrape at which it has terminated and its series stop."""

    restarts: tuple[int, ...] = ()
    _counted: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def count(self, matrix: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], scrapes: int) -> None:
        """Spread the rows over the scrapes of its life, and keep the counts of each scrape."""
        counters = DriftCounter(self.served.contract, self.served.reference)
        columns = {name: matrix[:, index] for index, name in enumerate(counters.features)}
        last = scrapes - 1 if self.ends is None else self.ends - 1
        life = last - self.starts
        for name, counter in counters.features.items():
            self._counted[name] = self._cumulated(counter, np.array_split(columns[name], life))
        self._counted[""] = self._cumulated(counters.score, np.array_split(scores, life))

    def _cumulated(self, counter: BinCounter, parts: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.int64]:
        """(scrapes + 1, bins)."""
        shown = np.zeros((len(parts) + 1, len(counter.labels)), dtype=np.int64)
        for scrape, values in enumerate(parts, 1):
            if scrape + self.starts in self.restarts:
                continue  # zeros; rows since the last scrape are lost
            shown[scrape] = shown[scrape - 1]
            for place, number in counter.count(values):
                shown[scrape, place] += number
        return shown

    def scrape_of(self, total: int) -> npt.NDArray[np.int64]:
        """Return (total,): the first scrape that includes each of its rows."""
        life = self._counted[""].shape[0] - 1
        parts = np.array_split(np.arange(total), life)
        return np.repeat(np.arange(1, life + 1), [len(part) for part in parts]) + self.starts

    def lost(self, total: int) -> npt.NDArray[np.bool_]:
        """Return (total,): rows during a restart, which are in no counter."""
        return np.isin(self.scrape_of(total), self.restarts)

    def series(self) -> Iterator[Series]:
        """Yield its counters and its reference."""
        version, reference = self.served.version, self.served.reference
        for name, bins in [*reference.features.items(), ("", reference.score)]:
            kind = f'feature_bin_total{{feature="{name}",' if name else "score_bin_total{"
            for place, label in enumerate(bins.labels):
                yield self._one(kind, version, label, self._counted[name][:, place].tolist())
                share = kind.replace("bin_total", "reference_share")
                yield self._one(share, version, label, [bins.shares[place]] * len(self._counted[name]))

    def _one(self, kind: str, version: str, label: str, values: list[Any]) -> Series:
        text = f'espalier_{kind}{JOB},pod="{self.name}",model_version="{version}",bin="{label}"}}'
        shown = [*["_"] * self.starts, *map(repr, values), *(["stale"] if self.ends is not None else [])]
        return {"series": text, "values": " ".join(shown)}


def direct_psi(rows: pd.DataFrame, scores: npt.NDArray[np.float32], served: Served) -> dict[str, float]:
    """Return the PSI of every feature, and of the score under "", directly from the rows, without counters or rules."""
    found = {"": _psi(_number_shares(pd.Series(scores), served.reference.score), served.reference.score)}
    for feature in served.contract.features:
        bins, values = served.reference.features[feature.name], rows[feature.name]
        if feature.categories is None:
            shares = _number_shares(values, bins)
        else:
            known = values.where(values.isin(list(feature.categories)))
            named = known.where(known.isna() | known.isin(bins.labels), OTHER).fillna(MISSING)
            shares = named.value_counts(normalize=True).reindex(bins.labels, fill_value=0).to_numpy()
        found[feature.name] = _psi(shares, bins)
    return found


def _number_shares(values: pd.Series[Any], bins: Bins) -> Floats:
    present = values.dropna().to_numpy(dtype=np.float32)
    counts = np.histogram(present, bins=[-np.inf, *(bins.edges or ()), np.inf])[0].astype(float)
    return np.asarray([*counts, len(values) - len(present)][: len(bins.labels)]) / len(values)


def _psi(live: Floats, bins: Bins) -> float:
    actual, expected = np.maximum(live, FLOOR), np.maximum(bins.shares, FLOOR)
    return float(np.sum((actual - expected) * np.log(actual / expected)))
