"""reference.json: the distribution of the values when the model was trained, to measure drift against.

Every feature, and the score, has a fixed list of bins with the share of each. The API counts live values into the same
bins; recording rules compare the two. The number of bins is bounded, so the number of time series is too.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bundle.target import FrozenModel

__all__ = ["MIN_PSI_ROWS", "MISSING", "OTHER", "SHARE_FLOOR", "Bins", "Reference"]

MISSING = "missing"
"""The bin of null, present in every feature."""

ROUNDING = 1e-6

SHARE_FLOOR = 1e-4
"""Smallest share in the population stability index (PSI): an empty bin would make it infinite. The recording rules use
the same value."""

MIN_PSI_ROWS = 500
"""Fewest rows for a PSI: without any drift it is about (bins - 1) / rows. The recording rules use the same value."""

OTHER = "other"
"""The bin of every category without its own bin."""


class Bins(FrozenModel):
    """The bins of one feature or of the score.

    Numbers: ``edges`` e1 < … < ek cut the line into k + 1 bins, value v in bin i when e(i) <= v < e(i+1), labels in
    that order. Categories: ``edges`` is None, a label is the category itself, and OTHER takes the rest.
    """

    labels: tuple[str, ...] = Field(min_length=1)
    shares: tuple[float, ...]
    """The share of each label among the reference rows; they add up to 1."""

    edges: tuple[float, ...] | None = None

    natural_psi: float | None = Field(default=None, ge=0)
    """The largest PSI of any seven consecutive days against these shares, with nothing wrong. None: unknown, because
    the table has no time column or covers fewer days."""

    natural_missing_share: float | None = Field(default=None, ge=0, le=1)
    """The largest share of missing values in any seven consecutive days. None: unknown."""

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if len(self.labels) != len(self.shares) or len(set(self.labels)) != len(self.labels):
            raise ValueError("every bin needs a unique label and one share")
        if abs(sum(self.shares) - 1) > ROUNDING or min(self.shares) < 0:
            raise ValueError("the shares must add up to 1")
        if self.edges is not None:
            if list(self.edges) != sorted(set(self.edges)):
                raise ValueError("the edges must be in ascending order")
            if len([label for label in self.labels if label != MISSING]) != len(self.edges) + 1:
                raise ValueError("k edges make k + 1 bins")
        return self


class Reference(FrozenModel):
    """The bins of every feature (from the training rows) and of the score (from the test rows).

    The score is the probability of the positive class, the predicted class if there are more than two (a bin for each),
    or the value of a regression.
    """

    format: Literal[1] = 1
    features: dict[str, Bins]
    score: Bins
    contributions: dict[str, Annotated[float, Field(ge=0)]] | None = None
    """Mean absolute SHAP value of every feature on test rows, over the classes if there are more than two: in log-odds,
    or in the unit of a regression. Absent from older bundles."""

    label_shares: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None
    """The share of each label among the training rows: the prediction without a model. Absent from older
    bundles, and for regression."""
