"""The folder of a project: its schema.yaml, params.yaml, pointer and table, apart from the code.

Reads:  FOLDER/pipelines/{schema.yaml,params.yaml}, and the table beside the pointer that params.yaml names.
Gives:  a folder in which every command and stage works as in the checkout, because paths are relative to it.
Never:  changes a file that its owner wrote.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

import pipelines
from espalier.local.errors import LocalError

__all__ = ["NotAProject", "enter_project"]

CODE = Path(pipelines.__file__).resolve().parents[1]
LINK = Path(".espalier/code")
DAG = Path("pipelines/dvc.yaml")
NEEDED = (Path("pipelines/schema.yaml"), Path("pipelines/params.yaml"))

WRITTEN = "# Written by espalier --project; to keep changes of your own, delete this line.\n"
DVC_CONFIG = """\
# Written by espalier --project. PIPELINE_REMOTE_URL names an S3 bucket instead of this folder.
[core]
    remote = local
    no_scm = true
    analytics = false
    check_update = false
['remote "local"']
    url = ../.espalier/remote
"""
IGNORED = """\
# Written by espalier --project: what a run leaves.
/.dvc/
/.dvcignore
/.espalier/
/.gitignore
/pipelines/dvc.lock
/pipelines/dvc.yaml
/pipelines/work/
"""


class NotAProject(LocalError):
    """The folder does not have the files of a project."""


def enter_project(folder: Path) -> None:
    """Make a project the current folder, and write what DVC needs there, unless it is a checkout of the code itself.

    Raises:
        NotAProject: a file is missing, or nothing can be written there.
    """
    for file in NEEDED:
        if not (folder / file).is_file():
            raise NotAProject(f"{folder} is not the folder of a project: {file} not found in it (see docs/projects.md)")
    if not (folder / "pipelines/__init__.py").exists():
        try:
            _write_dvc_files(folder)
        except OSError as error:
            raise NotAProject(f"cannot use {folder} as the folder of a project: {error}") from error
        # Stages run as `python -m pipelines.stages.…` in the folder, whose pipelines has no code.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(CODE), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.chdir(folder)


def _write_dvc_files(folder: Path) -> None:
    _write_once(folder / ".dvc/config", DVC_CONFIG)
    _write_once(folder / ".dvcignore", "__pycache__\n")
    _write_once(folder / ".gitignore", IGNORED)
    link = folder / LINK
    link.parent.mkdir(mode=0o700, exist_ok=True)
    if not link.is_symlink() or link.readlink() != CODE:
        link.unlink(missing_ok=True)
        link.symlink_to(CODE)
    dag, text = folder / DAG, _stages_of_the_code()
    written = dag.read_text(encoding="utf-8") if dag.exists() else WRITTEN
    if written.startswith(WRITTEN) and written != text:
        dag.write_text(text, encoding="utf-8")


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _stages_of_the_code() -> str:
    """Return the stages with the paths of the code behind the link, so that a stage still depends on its code."""
    graph: dict[str, Any] = yaml.safe_load((CODE / DAG).read_text(encoding="utf-8"))
    for stage in graph["stages"].values():
        stage["deps"] = [str(LINK / path) if _is_code(path) else path for path in stage["deps"]]
    return WRITTEN + yaml.safe_dump(graph, sort_keys=False, allow_unicode=True)


def _is_code(path: str) -> bool:
    return path.endswith(".py") or (CODE / path / "__init__.py").exists()
