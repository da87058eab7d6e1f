"""Run the commands of others: docker, kind, kubectl, helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from espalier.cluster.errors import CommandRefused, MissingTool

__all__ = ["Kube", "require", "run"]

WHERE = {
    "docker": "https://docs.docker.com/engine/install/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/ (3.18 or newer, or 4)",
}
SHOWN_LINES = 20


def require(*names: str) -> None:
    """Look for commands.

    Raises:
        MissingTool: names those that are not there, and where they come from.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise MissingTool("\n".join(["not installed:", *(f"  {name}: {WHERE[name]}" for name in missing)]))


def run(
    *command: str, given: str | None = None, environment: Mapping[str, str] | None = None, seconds: float = 900
) -> str:
    """Run a command, and return what it printed.

    Args:
        given: its standard input.
        environment: variables beside those of this process.

    Raises:
        CommandRefused: with the end of what it said.
    """
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandRefused(f"{_short(command)} took longer than {seconds:.0f} s") from error
    if done.returncode:
        said = "\n  ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-SHOWN_LINES:])
        raise CommandRefused(f"{_short(command)} ended with {done.returncode}:\n  {said}")
    return done.stdout


@dataclass(frozen=True)
class Kube:
    """One namespace of one cluster, as kubectl and helm reach it."""

    namespace: str
    context: str = ""
    """Context of the kubeconfig; empty: the current one."""

    kubeconfig: str = ""
    """Its file; empty: kubectl's own default."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def kubectl(self, *arguments: str, given: str | None = None, seconds: float = 900) -> str:
        """Run kubectl in the namespace, and return what it printed."""
        return self._run("kubectl", "--context", *arguments, given=given, seconds=seconds)

    def helm(self, *arguments: str, seconds: float = 900) -> str:
        """Run helm in the namespace, and return what it printed."""
        return self._run("helm", "--kube-context", *arguments, given=None, seconds=seconds)

    def get(self, *arguments: str) -> Any:
        """Return an object, or a list of them, as the API gives it."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Create or change objects."""
        self.kubectl("apply", "--server-side", "-f", "-", given=as_list(objects))

    def create(self, *objects: Mapping[str, Any]) -> None:
        """Create objects; one that exists is an error."""
        self.kubectl("create", "-f", "-", given=as_list(objects))

    def exists(self, *what: str) -> bool:
        """Tell whether there is such an object."""
        return bool(self.kubectl("get", *what, "--ignore-not-found", "-o", "name").strip())

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return kubectl's command, for those who read more of it than its output."""
        return ("kubectl", *self._where("--context"), *arguments)

    def _run(self, tool: str, context_option: str, *arguments: str, given: str | None, seconds: float) -> str:
        where = self._where(context_option)
        return run(tool, *where, *arguments, given=given, environment=self.environment, seconds=seconds)

    def _where(self, context_option: str) -> list[str]:
        where = ["--namespace", self.namespace, *([context_option, self.context] if self.context else [])]
        return [*where, *(["--kubeconfig", self.kubeconfig] if self.kubeconfig else [])]


def as_list(objects: tuple[Mapping[str, Any], ...]) -> str:
    """Return them as kubectl reads several."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _short(command: tuple[str, ...]) -> str:
    return " ".join(command[:8]) + (" …" if len(command) > 8 else "")  # noqa: PLR2004
