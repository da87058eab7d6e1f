"""Run docker, kind, kubectl and helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from espalier.cluster.errors import CommandRefused, MissingTool

__all__ = ["Kube", "follow", "require", "run"]

WHERE = {
    "docker": "https://docs.docker.com/engine/install/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/ (3.18 or newer, or 4)",
}
SHOWN_LINES = 20
KILL_AFTER_SECONDS = 10


def require(*names: str) -> None:
    """Check that commands are installed.

    Raises:
        MissingTool: the message names the missing ones and where to get them.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise MissingTool("\n".join(["not installed:", *(f"  {name}: {WHERE[name]}" for name in missing)]))


def run(
    *command: str, stdin: str | None = None, environment: Mapping[str, str] | None = None, seconds: float = 900
) -> str:
    """Run a command, and return its standard output.

    Args:
        stdin: its standard input.
        environment: variables in addition to those of this process.

    Raises:
        CommandRefused: it failed or timed out; the message has the end of its output.
    """
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandRefused(f"{_short(command)} took longer than {seconds:.0f} s") from error
    if done.returncode:
        raise _refused(command, done.returncode, (done.stderr.strip() or done.stdout.strip()).splitlines())
    return done.stdout


def follow(
    *command: str, report: Callable[[str], None], environment: Mapping[str, str] | None = None, seconds: float = 900
) -> None:
    """Run a command, and pass every line of its output to ``report`` at once.

    Args:
        seconds: it is killed some seconds after this time; a command with a timeout of its own stops by itself before.

    Raises:
        CommandRefused: it failed or was killed; the message has the end of its output.
    """
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        text=True,
    ) as process:
        killer = threading.Timer(seconds + KILL_AFTER_SECONDS, process.kill)
        killer.start()
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                report(lines[-1])
        finally:
            killer.cancel()
    if process.returncode:
        raise _refused(command, process.returncode, lines)


@dataclass(frozen=True)
class Kube:
    """One namespace of one cluster, as kubectl and helm reach it."""

    namespace: str
    context: str = ""
    """Context of the kubeconfig; empty: the current one."""

    kubeconfig: str = ""
    """Its file; empty: kubectl's own default."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 900) -> str:
        """Run kubectl in the namespace, and return its output."""
        return self._run("kubectl", "--context", *arguments, stdin=stdin, seconds=seconds)

    def follow(self, *arguments: str, report: Callable[[str], None], seconds: float) -> None:
        """Run kubectl in the namespace, and pass every line of its output to ``report`` at once."""
        follow(*self.command(*arguments), report=report, environment=self.environment, seconds=seconds)

    def helm(self, *arguments: str, seconds: float = 900) -> str:
        """Run helm in the namespace, and return its output."""
        return self._run("helm", "--kube-context", *arguments, stdin=None, seconds=seconds)

    def get(self, *arguments: str) -> Any:
        """Return an object or a list, as the Kubernetes API writes it."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Create or change objects."""
        self.kubectl("apply", "--server-side", "-f", "-", stdin=as_list(objects))

    def create(self, *objects: Mapping[str, Any]) -> None:
        """Create objects; an existing one is an error."""
        self.kubectl("create", "-f", "-", stdin=as_list(objects))

    def exists(self, *what: str) -> bool:
        """Tell whether the object exists."""
        return bool(self.kubectl("get", *what, "--ignore-not-found", "-o", "name").strip())

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return the kubectl command, for callers that need more than its output."""
        return ("kubectl", *self._where("--context"), *arguments)

    def _run(self, tool: str, context_option: str, *arguments: str, stdin: str | None, seconds: float) -> str:
        where = self._where(context_option)
        return run(tool, *where, *arguments, stdin=stdin, environment=self.environment, seconds=seconds)

    def _where(self, context_option: str) -> list[str]:
        where = ["--namespace", self.namespace, *([context_option, self.context] if self.context else [])]
        return [*where, *(["--kubeconfig", self.kubeconfig] if self.kubeconfig else [])]


def as_list(objects: tuple[Mapping[str, Any], ...]) -> str:
    """Return the objects as one List in JSON."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _refused(command: tuple[str, ...], code: int, lines: list[str]) -> CommandRefused:
    output = "\n  ".join(lines[-SHOWN_LINES:])
    return CommandRefused(f"{_short(command)} exited with {code}:\n  {output}")


def _short(command: tuple[str, ...]) -> str:
    return " ".join(command[:8]) + (" …" if len(command) > 8 else "")  # noqa: PLR2004
