"""Expected failures of a stage, each with the exit code that the Job reports.

    PipelineError       1
    ├── InvalidParams   2   params.yaml, schema.yaml or the environment is wrong
    ├── MissingData     3   the data file, its pointer or its package is not there
    ├── InvalidData     4   the data does not follow schema.yaml, or cannot be split
    ├── AlteredData     5   the data's hash is not the pointer's
    ├── Unreachable     6   the remote or MLflow did not answer within the retry budget
    ├── RegistryFailure 7   MLflow answered with a refusal
    ├── RolloutFailed   8   the new model was let through but did not come up
    └── PromotionLocked 10  another promotion runs and does not end, or the lock on promotions was lost

9 is a refused bundle (bundle/errors.py), 130 and 143 a run that Ctrl-C or SIGTERM ended (runner/run.py). A model that
the gate rejects is not a failure: the stage ends with 0.
"""

from bundle import ExpectedError

__all__ = [
    "AlteredData",
    "InvalidData",
    "InvalidParams",
    "MissingData",
    "PipelineError",
    "PromotionLocked",
    "RegistryFailure",
    "RolloutFailed",
    "Unreachable",
]


class PipelineError(ExpectedError):
    """Base of every failure that a run expects."""


class InvalidParams(PipelineError):
    """A setting is missing or wrong."""

    exit_code = 2


class MissingData(PipelineError):
    """There is no data where it should be."""

    exit_code = 3


class InvalidData(PipelineError):
    """The data cannot be trained on."""

    exit_code = 4


class AlteredData(PipelineError):
    """Data is not what its record says: other bytes than the pointer names, or other metrics than the model has."""

    exit_code = 5


class Unreachable(PipelineError):
    """A service did not answer in time."""

    exit_code = 6


class RegistryFailure(PipelineError):
    """MLflow refused."""

    exit_code = 7


class RolloutFailed(PipelineError):
    """The new model did not come up; the old one serves on."""

    exit_code = 8


class PromotionLocked(PipelineError):
    """This run does not hold the lock on promotions."""

    exit_code = 10
