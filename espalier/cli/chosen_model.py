"""The model that a command uses: a version of the registry, or a bundle in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.config.settings import Settings
    from pipelines.scoring.models import ModelSource

__all__ = ["chosen_model"]


@contextmanager
def chosen_model(
    name: str, version: str, bundle: Path | None, public_keys: list[Path] | None, state: Path
) -> Iterator[tuple[ModelSource, Settings]]:
    """Yield the model, and settings with which its registry is reached.

    Args:
        name: registered name; empty: that of params.yaml.
        version: number, or an alias.
        bundle: folder with a signed bundle to use instead of the registry.
        public_keys: one of which must have signed it.
    """
    from bundle import load_public_keys
    from pipelines.config.params import load_params
    from pipelines.registry.versions import Registry
    from pipelines.scoring.models import FolderModel, RegistryModel

    with _settings(state, needs_registry=bundle is None) as settings:
        if bundle is not None:
            yield FolderModel(bundle, load_public_keys(public_keys or settings.trusted_key_files())), settings
            return
        registry = Registry(settings)
        registry.check()
        name = name or load_params().register_.model_name
        yield RegistryModel(registry, settings, name, version), settings


@contextmanager
def _settings(state: Path, *, needs_registry: bool) -> Iterator[Settings]:
    """Yield the settings of the environment, or those of the local platform where the environment has none."""
    from espalier.local.pipeline import pipeline_settings
    from espalier.local.state import State, open_state
    from pipelines.config.settings import load_settings

    settings, own_key = load_settings(), State(state).model_public_key
    if needs_registry and "mlflow_tracking_uri" not in settings.model_fields_set:
        with pipeline_settings(open_state(state)) as local:
            yield local
    elif settings.public_key_files or settings.signing_key_file or not own_key.exists():
        yield settings
    else:
        yield settings.model_copy(update={"public_key_files": str(own_key)})
