"""Expected failures of a stage, each with the exit code that the Job reports.

    PipelineError       1
    ├── NotComparable   1   two versions that cannot be compared were named
    ├── InvalidParams   2   params.yaml, schema.yaml or the environment is wrong
    ├── MissingData     3   the data file, its pointer or its package is missing
    ├── InvalidData     4   the data does not follow schema.yaml, or cannot be split
    ├── AlteredData     5   the data's hash is not the pointer's
    ├── Unreachable     6   the remote or MLflow did not answer within the retry budget
    ├── RegistryFailure 7   MLflow answered with a refusal
    ├── RolloutFailed   8   the new model passed the gate, but its rollout failed
    ├── PromotionLocked 10  another promotion holds the lock for too long, or the lock was lost
    ├── OutputConflict  11  what batch scoring would write exists, from another model or another table
    ├── DiskFull        12  a file did not fit on its disk
    └── ClusterLost     13  workers of the Dask cluster died again and again while they trained

9 is a rejected bundle (bundle/errors.py), 130 and 143 a run stopped by Ctrl-C or SIGTERM (runner/run.py). A model that
the gate rejects is not a failure: the stage exits with 0.
"""

import errno

from bundle import ExpectedError

__all__ = [
    "AlteredData",
    "ClusterLost",
    "DiskFull",
    "InvalidData",
    "InvalidParams",
    "MissingData",
    "NotComparable",
    "OutputConflict",
    "PipelineError",
    "PromotionLocked",
    "RegistryFailure",
    "RolloutFailed",
    "Unreachable",
]


class PipelineError(ExpectedError):
    """Base of every expected failure of a pipeline run."""


class NotComparable(PipelineError):
    """Two registered versions cannot be compared."""


class InvalidParams(PipelineError):
    """A setting is missing or wrong."""

    exit_code = 2


class MissingData(PipelineError):
    """Data is missing."""

    exit_code = 3


class InvalidData(PipelineError):
    """The data cannot be used for training."""

    exit_code = 4


class AlteredData(PipelineError):
    """Data differs from its record: other bytes than the pointer names, or other metrics than the model has."""

    exit_code = 5


class Unreachable(PipelineError):
    """A service did not answer in time."""

    exit_code = 6


class RegistryFailure(PipelineError):
    """MLflow rejected a request."""

    exit_code = 7


class RolloutFailed(PipelineError):
    """The rollout of the new model failed; the old one keeps serving."""

    exit_code = 8


class PromotionLocked(PipelineError):
    """This run does not hold the promotion lock."""

    exit_code = 10


class OutputConflict(PipelineError):
    """The output of batch scoring exists, and belongs to another run."""

    exit_code = 11


class DiskFull(PipelineError):
    """There is no space for a file."""

    exit_code = 12

    @staticmethod
    def is_meant_by(error: BaseException) -> bool:
        """Return whether an error of the operating system means that a disk, or a quota of it, is full."""
        return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class ClusterLost(PipelineError):
    """The Dask cluster did not finish the training."""

    exit_code = 13
