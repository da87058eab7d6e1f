"""Mutants of numbers outside functions, which mutmut does not change: each is doubled and halved."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.mutation.result import Result

ROOT = Path(__file__).parents[2]

MAX_SECONDS = 300
"""Tests that take longer are taken to hang: the mutant is killed."""


@dataclass(frozen=True)
class Constant:
    """A number of a module, and its place in the text."""

    module: str
    name: str
    line: int
    start: int
    end: int
    value: float

    def changed(self, text: str, value: float) -> str:
        lines = text.splitlines(keepends=True)
        line = lines[self.line - 1]
        lines[self.line - 1] = f"{line[: self.start]}{value!r}{line[self.end :]}"
        return "".join(lines)

    def values(self) -> tuple[float, float]:
        return (self.value * 2, self.value // 2 if isinstance(self.value, int) else self.value / 2)


def run() -> list[Result]:
    """Change every constant of the modules that are mutated, and run the tests of its module each time."""
    constants = [constant for module in mutated_modules() for constant in constants_of(module)]
    results = {constant.module: Result(constant.module) for constant in constants}
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy_checkout(Path(folder))
        for constant in track(constants, description="constants", console=console):
            for value in constant.values():
                killed = _is_killed(copy, constant, value)
                mutant = f"{constant.module}: {constant.name} = {value}"
                results[constant.module].add(mutant, killed=killed)
                if not killed:  # printed at once: the table comes much later
                    console.print(f"survived: {mutant}")
    return list(results.values())


def mutated_modules() -> list[str]:
    """Return the paths of the modules that pyproject.toml lists for mutmut."""
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"])


def constants_of(module: str) -> Iterator[Constant]:
    """Yield each number, alone or in a product, that a module assigns to a name outside functions and classes."""
    for statement in ast.parse((ROOT / module).read_text()).body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        number = _first_number(statement.value)
        if isinstance(target, ast.Name) and number is not None:
            yield Constant(
                module, target.id, number.lineno, number.col_offset, number.end_col_offset or 0, _value(number)
            )


def _first_number(node: ast.expr) -> ast.Constant | None:
    """Return the number, or the first of a product or a power: changing one changes all."""
    while isinstance(node, ast.BinOp):
        node = node.left
    is_number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return node if is_number else None  # type: ignore[return-value]


def _value(number: ast.Constant) -> float:
    return number.value  # type: ignore[return-value]


def _copy_checkout(folder: Path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (source := ROOT / name).exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target, follow_symlinks=False)  # the charts link to alerts and dashboards
    return folder


def _is_killed(copy: Path, constant: Constant, value: float) -> bool:
    path = copy / constant.module
    original = path.read_text()
    path.write_text(constant.changed(original, value))
    try:
        return not _tests_pass(copy, constant.module)
    finally:
        path.write_text(original)


def _tests_pass(copy: Path, module: str) -> bool:
    tests = Path("tests", module).with_name(f"test_{Path(module).name}")
    where = tests if (copy / tests).exists() else tests.parent
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-cov", "-p", "no:cacheprovider", str(where)]
    process = subprocess.Popen(
        command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # also servers that tests have started
        process.communicate()
        return False
    if process.returncode not in (0, 1):
        raise SystemExit(f"the tests of {module} did not run:\n{output}")
    return process.returncode == 0
