"""Mutants of the code in functions: mutmut makes them and runs the tests that cover each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from espalier.local.mlflow_server import mlflow_server
from espalier.local.state import open_state
from tests.conftest import SHARED_MLFLOW
from tests.mutation.result import Result

MUTMUT = Path(sys.executable).with_name("mutmut")
# "    pipelines.gate.checks.x_judge__mutmut_3: survived"; a method's name begins with its class, between two letters.
LINE = re.compile(r"^\s+(?P<module>[\w.]+)\.(?P<function>x\S+)__mutmut_(?P<number>\d+): (?P<status>.+)$", re.M)
KILLED = {"killed", "timeout", "segfault", "caught by type check"}


def run() -> list[Result]:
    """Run the mutants that have no result yet, and return the results of all. Shows mutmut's own progress."""
    command = [MUTMUT, "run", "--max-children", str(os.cpu_count() or 1)]
    with tempfile.TemporaryDirectory() as folder, mlflow_server(open_state(Path(folder))):
        subprocess.run(command, env={**os.environ, SHARED_MLFLOW: folder}, check=False)
    listed = subprocess.run([MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True)
    return read(listed.stdout)


def read(listed: str) -> list[Result]:
    """Return the results that ``mutmut results --all true`` lists."""
    results: dict[str, Result] = {}
    for line in LINE.finditer(listed):
        module = line["module"].replace(".", "/") + ".py"
        result = results.setdefault(module, Result(module))
        name = f"{line['module']}.{line['function']}__mutmut_{line['number']}"
        result.add(f"{name}: {line['status']}", killed=line["status"] in KILLED)
    return [results[module] for module in sorted(results)]
