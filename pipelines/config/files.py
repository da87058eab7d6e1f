"""Read YAML files, describe what is wrong with them, and hash files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipelines.errors import InvalidParams

__all__ = ["describe_problems", "hash_of_files", "read_yaml"]


def read_yaml(path: Path) -> Any:
    """Read one YAML file.

    Raises:
        InvalidParams: the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidParams(f"cannot read {path}: {error.strerror}; run from the root of the project") from error
    except yaml.YAMLError as error:
        raise InvalidParams(f"{path} is not YAML: {error}") from error


def hash_of_files(*paths: Path) -> str:
    """Return the SHA-256 of the contents of the files, in order."""
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def describe_problems(path: Path, error: ValidationError) -> str:
    """Return one line: the file, and each key with its rule."""
    problems = (f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
    return f"{path}: " + "; ".join(problems)
