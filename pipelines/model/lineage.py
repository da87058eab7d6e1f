"""The origin of a model: code, data, parameters and libraries, and a key that identifies equal runs."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pipelines.config.files import hash_of_files
from pipelines.config.params import PARAMS_FILE
from pipelines.config.schema import SCHEMA_FILE
from pipelines.config.settings import Settings
from pipelines.dataset.files import DATA_JSON, read_json

__all__ = ["LIBRARIES", "Origin", "read_origin"]

LIBRARIES = ("espalier", "numpy", "pandas", "scikit-learn", "xgboost-cpu")
"""Libraries whose versions can change a model."""


@dataclass(frozen=True)
class Origin:
    """The inputs of a model."""

    git_commit: str
    data_name: str
    data_md5: str
    data_sha256: str
    params_sha256: str
    libraries: dict[str, str]

    @property
    def key(self) -> str:
        """Equal for runs that must produce the same model: a repeated Job finds its earlier work by it."""
        parts = (self.git_commit, self.data_sha256, self.params_sha256, *sorted(self.libraries.items()))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def as_tags(self) -> dict[str, str]:
        """The same values as MLflow tags."""
        return {
            "espalier.key": self.key,
            "espalier.data_md5": self.data_md5,
            "espalier.data_sha256": self.data_sha256,
            "espalier.params_sha256": self.params_sha256,
            "mlflow.source.git.commit": self.git_commit,
            **{f"espalier.library.{name}": number for name, number in self.libraries.items()},
        }


def read_origin(settings: Settings) -> Origin:
    """Collect the origin; ``fetch`` must have run."""
    data: dict[str, Any] = read_json(DATA_JSON, stage="fetch")
    return Origin(
        git_commit=settings.git_commit or _git_commit(),
        data_name=data["name"],
        data_md5=data["md5"],
        data_sha256=data["sha256"],
        params_sha256=hash_of_files(PARAMS_FILE, SCHEMA_FILE),
        libraries={name: version(name) for name in LIBRARIES},
    )


def _git_commit() -> str:
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
