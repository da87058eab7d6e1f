"""Where the local platform keeps what must outlive a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bundle import write_key_pair
from espalier.local.certificates import write_certificates

__all__ = ["State", "open_state"]


@dataclass(frozen=True)
class State:
    """Paths below one folder; git ignores it, and removing it begins anew."""

    folder: Path

    @property
    def logs(self) -> Path:
        """What the servers print."""
        return self.folder / "logs"

    @property
    def mlflow(self) -> Path:
        """Runs, registry and artifacts."""
        return self.folder / "mlflow"

    @property
    def promotion_lock(self) -> Path:
        """Held by the one run that may promote."""
        return self.folder / "promotion.lock"

    @property
    def users_database(self) -> str:
        """URL of the API's users."""
        return f"sqlite:///{(self.folder / 'users.db').resolve()}"

    @property
    def demo_password(self) -> Path:
        """Of the demo's user; only its owner may read it."""
        return self.folder / "demo.password"

    @property
    def model_cache(self) -> Path:
        """Bundles that the API has verified before."""
        return self.folder / "cache"

    @property
    def model_key(self) -> Path:
        """Signs models."""
        return self.folder / "keys" / "model.key.pem"

    @property
    def model_public_key(self) -> Path:
        """Verifies models."""
        return self.folder / "keys" / "model.pub.pem"

    @property
    def jwt_key(self) -> Path:
        """Signs access tokens."""
        return self.folder / "keys" / "jwt.key.pem"

    @property
    def ca(self) -> Path:
        """The authority that clients trust."""
        return self.folder / "tls" / "ca.pem"

    @property
    def certificate(self) -> Path:
        """The API's certificate chain."""
        return self.folder / "tls" / "server.pem"

    @property
    def certificate_key(self) -> Path:
        """The API's private key."""
        return self.folder / "tls" / "server.key"


def open_state(folder: Path) -> State:
    """Return the state, with keys and certificate made where there are none."""
    state = State(folder)
    for folder_path in (state.logs, state.mlflow, state.model_cache):
        folder_path.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for key in (state.model_key, state.jwt_key):
        if not key.exists():
            write_key_pair(key.parent, key.name.removesuffix(".key.pem"))
    if not state.certificate.exists():
        write_certificates(ca=state.ca, certificate=state.certificate, key=state.certificate_key)
    return state
