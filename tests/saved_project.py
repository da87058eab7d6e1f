"""A project and what it has in MLflow, saved once and restored for each test that begins there: seconds each."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SavedProject", "saving"]


@dataclass(frozen=True)
class SavedProject:
    """Copies of the project's folder, of MLflow's database and of the artifacts that the project has made."""

    folder: Path
    artifacts: Path
    """MLflow's folder of artifacts; its database is beside it."""

    def restore(self, project: Path) -> None:
        """Make the project in another folder, and MLflow, what they were; what later tests registered is lost."""
        shutil.copytree(self.folder / "project", project, symlinks=True, dirs_exist_ok=True)
        for saved in (self.folder / "artifacts").iterdir():
            shutil.rmtree(self.artifacts / saved.name, ignore_errors=True)
            shutil.copytree(saved, self.artifacts / saved.name)
        copy_database(self.folder / "mlflow.db", self.artifacts.parent / "mlflow.db")


@contextmanager
def saving(project: Path, artifacts: Path, folder: Path) -> Iterator[SavedProject]:
    """Save, into an empty folder, what a project and MLflow are at the end of the block.

    Only artifacts of experiments that are new in the block are saved: a registry has those of other tests too.
    """
    artifacts.mkdir(exist_ok=True)
    before = set(artifacts.iterdir())
    yield SavedProject(folder, artifacts)
    shutil.copytree(project, folder / "project", symlinks=True)
    for path in set(artifacts.iterdir()) - before:
        shutil.copytree(path, folder / "artifacts" / path.name)
    copy_database(artifacts.parent / "mlflow.db", folder / "mlflow.db")


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database with its own means, for a server has it open."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)
