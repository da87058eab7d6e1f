"""Replay a year of real flights in order of time against the thresholds of drift and quality.

``make replay-alerts`` trains with the committed parameters, bins with the API's own counters, and evaluates the rules'
formulas at every full hour: false alarms without a fault, and how soon each injected fault is detected.
alerts/README.md quotes its output.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from bundle import Contract, Reference
from bundle.reference import MIN_PSI_ROWS
from evaluation.bins import BinCounter, DriftCounter
from pipelines.config.params import PARAMS_FILE
from pipelines.config.schema import SCHEMA_FILE
from pipelines.data.flights import export_flights
from pipelines.dataset.rows import FrameRows, JoinedRows
from pipelines.dataset.tables import read_table
from pipelines.model.drift_reference import build_reference
from pipelines.model.expected_drift import WINDOW_HOURS, add_natural_variation, stability_index
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.stages.prepare import split_by_time
from pipelines.targets.project import load_project

ROOT = Path(__file__).parents[2]
DAY_HOURS, TWO_WEEKS_HOURS = 24, 14 * 24
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Year:
    """All rows in order of time, the model of the first months, and its scores."""

    contract: Contract
    reference: Reference
    booster: xgb.Booster
    matrix: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    truth: npt.NDArray[np.bool_]
    hours: npt.NDArray[np.intp]
    """(n,), since the first midnight."""

    split: int
    """The number of training rows."""

    @property
    def split_hour(self) -> int:
        return int(self.hours[self.split])

    def predict(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return self.booster.inplace_predict(matrix, validate_features=False)

    def column(self, name: str) -> int:
        return [feature.name for feature in self.contract.features].index(name)


def read_year(folder: Path) -> Year:
    """Prepare, train and describe as the pipeline does."""
    project = load_project(ROOT / PARAMS_FILE, ROOT / SCHEMA_FILE)
    schema, params = project.schema, project.params
    table = read_table(export_flights(folder / "flights.csv"), schema)
    table = table[table[schema.target.name].notna()]
    table[schema.time.name] = pd.to_datetime(table[schema.time.name])
    train, test = split_by_time(table, project)
    rows = pd.concat([train, test])
    learned = FrameRows(train)
    contract = build_contract(learned, project, example=example_row(learned, schema))
    matrix, truth = encode(rows, contract), labels(rows, project.task)
    names = [feature.name for feature in contract.features]
    options = {"objective": "binary:logistic", "seed": params.train.seed, **params.train.booster}
    data = xgb.DMatrix(
        matrix[: len(train)],
        truth[: len(train)],
        feature_names=names,
        feature_types=contract.feature_types,
        enable_categorical=True,
    )
    booster = xgb.train(options, data, params.train.rounds)
    scores = booster.inplace_predict(matrix, validate_features=False)
    reference = build_reference(learned, contract, scores[len(train) :], params=params.evaluate)
    both = JoinedRows(learned, FrameRows(test))
    reference = add_natural_variation(reference, contract, learned, both, time=schema.time.name, scores=scores)
    times = rows[schema.time.name]
    hours = ((times - times.min().normalize()) // pd.Timedelta(hours=1)).to_numpy(dtype=np.intp)
    return Year(contract, reference, booster, matrix, scores, truth.astype(bool), hours, len(train))


def until_hour(hours: npt.NDArray[np.intp], values: Floats) -> Floats:
    """Return (hours + 1,) sums of the values before each full hour."""
    return np.concatenate([[0.0], np.bincount(hours, weights=values)]).cumsum()


def binned(counter: BinCounter, values: npt.NDArray[np.float32], hours: npt.NDArray[np.intp]) -> Floats:
    """Return (hours + 1, bins) counts before each full hour, by the API's own counter."""
    counts = np.zeros((int(hours.max()) + 2, len(counter.labels)))
    starts = np.searchsorted(hours, np.arange(hours.max() + 2))
    for hour, (begin, end) in enumerate(pairwise(starts)):
        for place, number in counter.count(values[begin:end]) if end > begin else ():
            counts[hour + 1, place] = number
    return counts.cumsum(axis=0)


def drift(counts: Floats, bins) -> Floats:
    """Return, for each full hour from the eighth day on, ``espalier:*_drift:7d``; NaN for too few rows."""
    rows = counts[WINDOW_HOURS:] - counts[:-WINDOW_HOURS]
    total = rows.sum(axis=1)
    with np.errstate(invalid="ignore"):
        index = stability_index(rows / total[:, None], np.asarray(bins.shares))
    unusual = max(0.25, 1.5 * (bins.natural_psi or 0))
    return np.where(total >= MIN_PSI_ROWS, index / unusual, np.nan)


def episodes(flags: Flags) -> int:
    """Count how often it becomes true."""
    return int((flags & ~np.concatenate([[False], flags[:-1]])).sum())


def columns(year: Year) -> Iterator[tuple[str, BinCounter, npt.NDArray[np.float32]]]:
    counters = DriftCounter(year.contract, year.reference)
    for place, (name, counter) in enumerate(counters.features.items()):
        yield name, counter, year.matrix[:, place]
    yield "(score)", counters.score, year.scores


def bins_of(year: Year, name: str):
    return year.reference.score if name == "(score)" else year.reference.features[name]


def tell_false_alarms(year: Year, say: Callable[[str], None]) -> None:
    say(f"{'feature':18} {'natural':>8} {'train max':>10} {'episodes':>9} {'test max':>10} {'episodes':>9}")
    for name, counter, values in columns(year):
        found = drift(binned(counter, values, year.hours), bins_of(year, name))
        ends = np.arange(len(found)) + WINDOW_HOURS
        line = f"{name:18} {bins_of(year, name).natural_psi:8.3f}"
        for part in (found[ends <= year.split_hour], found[ends - WINDOW_HOURS >= year.split_hour]):
            line += f" {np.nanmax(part):10.2f} {episodes(part > 1):9d}"
        say(line)


def faults(year: Year) -> Iterator[tuple[str, str, npt.NDArray[np.float32]]]:
    """Yield (name, feature, all its values with the fault)."""
    random = np.random.default_rng(1)

    def values(feature: str) -> npt.NDArray[np.float32]:
        return year.matrix[:, year.column(feature)]

    carriers = year.contract.features[year.column("carrier")].categories or {}
    yield "°C for °F", "temp", (values("temp") - 32) / 1.8
    yield "°C for °F", "dewp", (values("dewp") - 32) / 1.8
    yield "km for miles", "distance", values("distance") * 1.609
    yield "km for miles", "visib", values("visib") * 1.609
    yield "m/s for mph", "wind_speed", values("wind_speed") * 0.447
    yield "0-1 for %", "humid", values("humid") / 100
    yield "UTC", "departure_minute", (values("departure_minute") + 300) % 1440
    yield "UA becomes OO", "carrier", np.where(values("carrier") == carriers["UA"], carriers["OO"], values("carrier"))
    for feature in ("temp", "wind_dir"):
        yield "30 % null", feature, np.where(random.random(len(values(feature))) < 0.3, np.nan, values(feature))
    odds = np.log(year.scores / (1 - year.scores))
    yield "odds times e", "(score)", 1 / (1 + np.exp(-(odds + 1)))
    yield "random", "(score)", random.random(len(odds))
    yield "all alike", "(score)", np.full(len(odds), 0.2)


def tell_faults(year: Year, say: Callable[[str], None]) -> None:
    """Start the fault on each of twelve days of the test period: is it detected, and after how many days?"""
    say(f"{'fault':16} {'of':18} {'found':>6} {'median days':>12} {'by ModelFeatureMissing':>23}")
    counters = {name: (counter, values) for name, counter, values in columns(year)}
    for fault, name, changed in faults(year):
        counter, values = counters[name]
        right = binned(counter, values, year.hours)
        wrong = binned(counter, changed.astype(np.float32), year.hours)
        delays, missing = [], []
        for start in range(year.split_hour + WINDOW_HOURS, len(right) - TWO_WEEKS_HOURS, 5 * DAY_HOURS):
            mixed = np.concatenate([right[: start + 1], right[start] + wrong[start + 1 :] - wrong[start]])
            mixed = mixed[start - WINDOW_HOURS : start + TWO_WEEKS_HOURS]
            delays.append(_first(drift(mixed, bins_of(year, name)) > 1))
            missing.append(_first(_missing(mixed, bins_of(year, name)) > 0.1))
        say(
            f"{fault:16} {name:18} {np.mean(np.isfinite(delays)):6.2f} {np.median(delays):12.1f} "
            f"{np.mean(np.isfinite(missing)):10.2f} {np.median(missing):12.1f}"
        )


def _missing(counts: Floats, bins) -> Floats:
    if "missing" not in bins.labels:
        return np.zeros(1)
    rows = counts[WINDOW_HOURS:] - counts[:-WINDOW_HOURS]
    return rows[:, bins.labels.index("missing")] / rows.sum(axis=1) - (bins.natural_missing_share or 0)


def _first(flags: Flags) -> float:
    found = np.flatnonzero(flags)
    return found[0] / DAY_HOURS if len(found) else np.inf


def losses(truth: Flags, likely: Floats) -> Floats:
    return -np.log(np.clip(np.where(truth, likely, 1 - likely), 1e-15, 1))


def quality_alarms(year: Year, loss: Floats, kept: Flags) -> dict[str, Flags]:
    """Return what is true at each full hour of the test period if only the rows ``kept`` had feedback."""
    base_rate = float(year.truth[: year.split].mean())
    base = losses(year.truth, np.full(len(loss), base_rate))
    test = year.truth[year.split :]
    own = losses(test, np.full(len(test), test.mean())).mean()
    gain = own - losses(test, year.scores[year.split :].astype(float)).mean()
    until = {
        name: until_hour(year.hours, values * kept) for name, values in (("rows", kept), ("loss", loss), ("base", base))
    }

    def window(name: str, hours: int) -> Floats:
        return (until[name][hours:] - until[name][:-hours])[year.split_hour + TWO_WEEKS_HOURS - hours :]

    with np.errstate(invalid="ignore", divide="ignore"):
        week = window("loss", WINDOW_HOURS) >= 1.05 * window("base", WINDOW_HOURS)
        day = window("loss", DAY_HOURS) >= 1.5 * window("base", DAY_HOURS)
        kept_gain = (window("base", TWO_WEEKS_HOURS) - window("loss", TWO_WEEKS_HOURS)) / window(
            "rows", TWO_WEEKS_HOURS
        )
        return {
            "WorseThanBaseRate, 7 d": week & (window("rows", WINDOW_HOURS) >= 1000),
            "WorseThanBaseRate, 1 d": day & (window("rows", DAY_HOURS) >= 200),
            "QualityDropped": (kept_gain < 0.25 * gain) & (window("rows", TWO_WEEKS_HOURS) >= 2000),
        }


def tell_quality(year: Year, say: Callable[[str], None]) -> None:
    right = losses(year.truth, year.scores.astype(float))
    tested = np.arange(len(right)) >= year.split
    days = (int(year.hours.max()) - year.split_hour) / DAY_HOURS
    say("false alarms in 30 days, by the share of rows with feedback (ten drawings each)")
    for share in (1.0, 0.5, 0.3, 0.2, 0.15, 0.1):
        found: dict[str, float] = {}
        for seed in range(10):
            kept = tested & (np.random.default_rng(seed).random(len(right)) < share)
            for name, flags in quality_alarms(year, right, kept).items():
                found[name] = found.get(name, 0) + episodes(flags) / 10 / days * 30
        say(f"{share:5.2f}  " + "  ".join(f"{name} {value:.2f}" for name, value in found.items()))
    random = np.random.default_rng(1)
    mixed = year.scores.copy()
    mixed[year.split :] = random.permutation(mixed[year.split :])
    broken = {"random scores": random.random(len(right)), "scores of other rows": mixed, "inverted": 1 - year.scores}
    say("days until a broken model is found, from each of twelve days on: median (most)")
    for name, scores in broken.items():
        wrong, delays = losses(year.truth, scores.astype(float)), {}
        for start in range(year.split_hour + TWO_WEEKS_HOURS, year.split_hour + 74 * DAY_HOURS, 5 * DAY_HOURS):
            for alert, flags in quality_alarms(year, np.where(year.hours < start, right, wrong), tested).items():
                delays.setdefault(alert, []).append(_first(flags[start - year.split_hour - TWO_WEEKS_HOURS :]))
        say(
            f"{name:22}"
            + "  ".join(f"{alert} {np.median(value):.1f} ({max(value):.1f})" for alert, value in delays.items())
        )


def main() -> None:
    """Print all four tables."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")

    with TemporaryDirectory() as folder:
        year = read_year(Path(folder))
    for tell in (tell_false_alarms, tell_faults, tell_quality):
        tell(year, say)
        say("")


if __name__ == "__main__":
    main()
