"""The state folder of the local platform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bundle import write_key_pair
from espalier.local.certificates import write_certificates

__all__ = ["State", "open_state"]


@dataclass(frozen=True)
class State:
    """Paths in one folder, which git ignores; delete it to start over."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Logs of the servers."""
        return self.folder / "logs"

    @property
    def mlflow(self) -> Path:
        """Runs, registry and artifacts."""
        return self.folder / "mlflow"

    @property
    def promotion_lock(self) -> Path:
        """Lock file of promotions."""
        return self.folder / "promotion.lock"

    @property
    def users_database(self) -> str:
        """URL of the user database."""
        return f"sqlite:///{(self.folder / 'users.db').resolve()}"

    @property
    def studies_database(self) -> str:
        """URL of the database of ``espalier tune``."""
        return f"sqlite:///{(self.folder / 'studies.db').resolve()}"

    @property
    def demo_password(self) -> Path:
        """Password of the demo user, with mode 0600."""
        return self.folder / "demo.password"

    @property
    def model_cache(self) -> Path:
        """Bundles that the API has verified."""
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
        """Certificate of the authority that clients trust."""
        return self.folder / "tls" / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Certificate chain of the API."""
        return self.folder / "tls" / "server.pem"

    @property
    def certificate_key(self) -> Path:
        """Private key of the API's certificate."""
        return self.folder / "tls" / "server.key"


def open_state(folder: Path) -> State:
    """Return the state; create missing keys and certificate."""
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
