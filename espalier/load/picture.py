"""The plot of a load test: latency over time and by percentile, and failures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from espalier.load.generator import OK, Answer
from espalier.load.verdict import Objectives, Verdict, is_failure
from pipelines.figures import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_load"]

NINES = (0.5, 0.9, 0.99, 0.999, 0.9999)


def draw_load(path: Path, answers: Sequence[Answer], verdict: Verdict, objectives: Objectives) -> None:
    """Draw the whole load test, including the warm-up."""
    figure = new_figure(9, 8)
    over_time, failures, by_share = figure.subplots(3, height_ratios=(4, 1.5, 4))
    over_time.sharex(failures)
    plan, limit = verdict.plan, objectives.limit_seconds * 1000
    figure.suptitle(f"{plan.url}: {plan.rate:g} requests per second for {plan.seconds:g} s, {verdict.verdict}")
    started = np.array([answer.started for answer in answers])
    # With a tolerance of half an interval: these are differences of floats.
    second = np.floor(started - started.min() - plan.warm_up_seconds + 0.5 / plan.rate).astype(int)
    predicted = np.array([answer.status == OK for answer in answers])
    latency = np.array([answer.seconds for answer in answers]) * 1000
    _draw_over_time(over_time, second[predicted], latency[predicted], limit)
    failed = second[np.array([is_failure(answer) for answer in answers])]
    counts = np.bincount(failed - second.min(), minlength=1)
    failures.bar(np.arange(len(counts)) + second.min(), counts, color="tab:red")
    failures.set_ylim(0, max(1, counts.max()))
    failures.set(ylabel="failed", xlabel="seconds since the warm-up ended")
    _draw_by_share(by_share, np.sort(latency[predicted & (second >= 0)]), limit)
    save_figure(figure, path)


def _draw_over_time(ax: Axes, second: np.ndarray, latency: np.ndarray, limit: float) -> None:
    order = np.argsort(second, kind="stable")
    seconds, begins = np.unique(second[order], return_index=True)
    each = np.split(latency[order], begins[1:]) if len(seconds) else []
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        ax.plot(seconds, [np.quantile(part, share) for part in each], label=name)
    _draw_limit(ax, latency, limit)
    ax.set(ylabel="latency per second [ms]")
    ax.legend()


def _draw_by_share(ax: Axes, latency: np.ndarray, limit: float) -> None:
    # A percentile axis as in HdrHistogram: the tail gets the most space.
    beyond = 1 - np.arange(len(latency)) / max(len(latency), 1)
    ax.plot(1 / beyond, latency, drawstyle="steps-post")
    _draw_limit(ax, latency, limit)
    ax.set(xscale="log", xlabel="share of the predictions", ylabel="latency [ms]")
    ax.set_xticks([1 / (1 - share) for share in NINES], [f"{share * 100:g} %" for share in NINES])
    ax.minorticks_off()


def _draw_limit(ax: Axes, latency: np.ndarray, limit: float) -> None:
    seen = np.append(latency, limit)
    # Before the scale is set: automatic limits fail with one point or none.
    ax.set_ylim(seen.min() / 2, seen.max() * 2)
    ax.set_yscale("log")
    ax.axhline(limit, color="black", linestyle="dotted")
