"""Locked Python environments, one for Espalier and one for each peer, in a folder that git ignores.

Espalier's is what its image holds: the extra ``api`` of uv.lock. The reference shares it, so that both have the same
XGBoost and the same uvicorn. A peer's is benchmarks/peers/NAME/requirements.txt, with the hash of every file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkFailed, PeerFailed

__all__ = ["ESPALIER", "Environment", "find_python", "install_project", "make_environment"]

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
ESPALIER = "espalier"
TAIL = 8

_VERSIONS = """
import importlib.metadata, json, platform
names = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
print(json.dumps({"python": platform.python_version(), **names}))
"""


@dataclass(frozen=True)
class Environment:
    """An installed environment."""

    python: Path
    versions: dict[str, str]
    """Package, in small letters → version; ``python`` too."""


def make_environment(name: str, *, python_version: str, cache: Path) -> Environment:
    """Install the locked packages, unless that has been done before.

    Raises:
        PeerFailed: the packages cannot be installed.
    """
    interpreter = find_python(python_version)
    requirements = _requirements(name)
    key = hashlib.sha256(f"{interpreter}\n{requirements}".encode()).hexdigest()[:12]
    folder = cache / "environments" / f"{name}-{key}"
    done = folder / ".installed"
    python = folder / "bin" / "python"
    if not done.exists():
        _install(name, interpreter, requirements, folder)
        done.touch()
    return Environment(python, json.loads(_run([str(python), "-c", _VERSIONS], name)))


def install_project(folder: Path, environment: Environment) -> Path:
    """Build this checkout's wheel and install it into a folder for PYTHONPATH, as the image does; return that folder.

    A copy, so that a change of the checkout during the run changes nothing.
    """
    built, code = folder / "wheel", folder / "code"
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)], ESPALIER)
    (wheel,) = built.glob("*.whl")
    options = ["--quiet", "--no-deps", "--compile-bytecode", "--python", str(environment.python), "--target", str(code)]
    _run([_uv(), "pip", "install", *options, str(wheel)], ESPALIER)
    return code


def find_python(version: str) -> str:
    """Return an interpreter of this version: from PATH, from pyenv, or the one that runs now.

    Raises:
        PeerFailed: there is none.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        shutil.which(f"python{version}"),
        *(str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python{version}"))),
        sys.executable if sys.version_info[:2] == tuple(map(int, version.split("."))) else None,
    ]
    for candidate in candidates:
        if candidate and _answers(candidate):
            return candidate
    raise PeerFailed(f"there is no Python {version} on PATH; install it, or name another with --python")


def _answers(python: str) -> bool:
    # A shim of pyenv is on PATH for every version, also for those that are not selected, and then fails.
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603


def _requirements(name: str) -> str:
    if name != ESPALIER:
        return (PEERS / name / "requirements.txt").read_text(encoding="utf-8")
    arguments = ["export", "--quiet", "--frozen", "--extra", "api", "--no-default-groups", "--no-emit-project"]
    return _run([_uv(), *arguments, "--no-annotate", "--no-header", "--format", "requirements.txt"], name)


def _install(name: str, interpreter: str, requirements: str, folder: Path) -> None:
    _run([_uv(), "venv", "--quiet", "--clear", "--python", interpreter, str(folder)], name)
    listed = folder / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    python = str(folder / "bin" / "python")
    options = ["--quiet", "--compile-bytecode", "--require-hashes", "--python", python]
    _run([_uv(), "pip", "sync", *options, str(listed)], name)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise BenchmarkFailed("uv is not installed; start the benchmark with make bench, which installs it")
    return found


def _run(command: list[str], name: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        end = "\n  ".join(done.stderr.strip().splitlines()[-TAIL:])
        raise PeerFailed(f"the environment of {name} cannot be made ({' '.join(command[:4])}):\n  {end}")
    return done.stdout
