"""A release on loopback: its checkout, its steps, and what who may write to the registry can change."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["OLDER", "PACKAGE", "PARTS", "REPOSITORY", "VERSION", "Release"]

PARTS = ("api", "training", "mlflow")
PACKAGE = "an-example-package"
"""In every image, for its SBOM."""

REPOSITORY = "Somebody/espalier"
VERSION = f"1.2.3-test-{secrets.token_hex(4)}"
OLDER = VERSION.replace("1.2.3", "1.2.2")


@dataclass(frozen=True)
class Release:
    """A checkout of one version, the registry that it is released to, and the variables of the job."""

    folder: Path
    registry: str
    version: str
    environment: dict[str, str]
    digests: dict[str, str] = field(default_factory=dict)
    """Part → digest, as the steps printed them."""

    def run(self, step: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a step of .ci/release."""
        return subprocess.run(
            ["bash", ".ci/release", step],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def tool(self, *command: str, **environment: str) -> str:
        """Run a program that has to succeed, and return what it prints."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def name(self, part: str) -> str:
        return f"{self.registry}/{'charts/espalier' if part == 'chart' else f'espalier/{part}'}"

    def digest(self, part: str, tag: str = "") -> str:
        return self.tool("crane", "digest", f"{self.name(part)}:{tag or self.version}").strip()

    @property
    def image_digests(self) -> dict[str, str]:
        """The variables of the steps after push."""
        return {part.upper(): self.digests[part] for part in PARTS}

    def push(self) -> None:
        self._run_and_note("push")

    def publish(self, **environment: str) -> None:
        """Publish what was pushed, with SBOMs made as the workflow makes them."""
        for part in PARTS:
            image = f"registry:{self.name(part)}@{self.digests[part]}"
            self.tool("syft", "scan", image, "--output", f"spdx-json={part}.spdx.json")
        self._run_and_note("publish", **self.image_digests, **environment)

    def refused(self, **environment: str) -> str:
        """Verify, see that it fails and leaves nothing to deploy, and return what it says."""
        files = [self.folder / "dist" / name for name in ("digests.yaml", f"espalier-{self.version}.tgz")]
        for file in files:
            file.write_text("of an earlier run")
        done = self.run("verify", **environment)
        assert done.returncode != 0, done.stdout
        assert not any(file.exists() for file in files)
        return done.stderr

    @contextmanager
    def tagged(self, part: str, digest: str) -> Iterator[None]:
        """Let the version's tag name another digest for a while."""
        before = self.digest(part)
        self.tool("crane", "tag", f"{self.name(part)}@{digest}", self.version)
        try:
            yield
        finally:
            self.tool("crane", "tag", f"{self.name(part)}@{before}", self.version)

    def changed(self, part: str) -> str:
        """Push a changed copy of a part, and return its digest."""
        copy = f"{self.name(part)}:changed-{secrets.token_hex(4)}"
        source = f"{self.name(part)}@{self.digests[part]}"
        self.tool("crane", "mutate", source, "--tag", copy, "--annotation", f"changed={copy}")
        return self.tool("crane", "digest", copy).strip()

    def sign(self, part: str, digest: str, without: str = "", **environment: str) -> None:
        """Sign and attest as publish does; ``without`` is a type of attestation to leave out."""
        name = f"{self.name(part)}@{digest}"
        predicates = {"slsaprovenance1": "dist/provenance.json", "spdxjson": "api.spdx.json"}
        for kind, file in predicates.items():
            if kind != without:
                command = ("cosign", "attest", "--yes", "--type", kind, "--predicate", file, name)
                self.tool(*command, **environment)
        self.tool("cosign", "sign", "--yes", "--annotations", f"version={self.version}", name, **environment)

    def predicate(self, part: str, kind: str) -> Any:
        """Return the predicate of a part's attestation; whose it is is not asked."""
        name = f"{self.name(part)}@{self.digests[part]}"
        anyone = ("--certificate-oidc-issuer-regexp=.*", "--certificate-identity-regexp=.*")
        found = json.loads(self.tool("cosign", "verify-attestation", "--type", kind, *anyone, name).splitlines()[0])
        return json.loads(base64.b64decode(found["payload"]))["predicate"]

    def _run_and_note(self, step: str, **environment: str) -> None:
        output = self.folder / f"output-of-{step}"
        done = self.run(step, GITHUB_OUTPUT=str(output), **environment)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        self.digests.update(line.split("=", 1) for line in output.read_text().splitlines())
