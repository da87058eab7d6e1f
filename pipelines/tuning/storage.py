"""Where studies are kept, so that one can be continued: a file of this machine, or a database.

No message has the password of a database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.errors import InvalidParams, MissingData, Unreachable

if TYPE_CHECKING:
    import optuna
    from sqlalchemy import URL

__all__ = ["need_optuna", "open_study", "storage_of"]

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
"""The driver that is installed, instead of SQLAlchemy's default."""


def need_optuna() -> None:
    """Check that the extra is installed, before any work.

    Raises:
        InvalidParams: it is not.
    """
    try:
        import optuna
    except ImportError as error:
        raise InvalidParams(
            "espalier tune needs Optuna, which no image has; install it with: "
            "pip install 'espalier[pipelines,mlflow,tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def storage_of(url: str) -> optuna.storages.RDBStorage:
    """Connect to a database, and create the tables of studies if it has none.

    Args:
        url: SQLAlchemy's form; may contain a password.

    Raises:
        InvalidParams: the URL is malformed, or the database is that of another program.
        Unreachable: the database does not answer, or refuses.
    """
    import optuna

    parsed = _parse(url)
    with _explained(parsed):
        return optuna.storages.RDBStorage(parsed.render_as_string(hide_password=False))


def open_study(
    storage: optuna.storages.RDBStorage, prefix: str, *, resume: bool, seed: int, warm_up: int
) -> optuna.Study:
    """Create a study, or continue the newest one with this prefix.

    Args:
        prefix: equal for the same rows, columns and parameters.
        warm_up: rounds before which no trial is ended early.

    Raises:
        MissingData: there is none to continue.
    """
    import optuna

    names = [name for name in optuna.get_all_study_names(storage) if name.rpartition("-")[0] == prefix]
    numbers = sorted(int(name.rpartition("-")[2]) for name in names)
    if resume and not numbers:
        raise MissingData(
            "there is no study of these rows, columns and parameters to resume: params.yaml, schema.yaml or the table "
            "has changed since, or there never was one; leave out --resume"
        )
    number = (numbers[-1] if resume else numbers[-1] + 1) if numbers else 1
    study = optuna.create_study(
        storage=storage, study_name=f"{prefix}-{number}", load_if_exists=True, direction="minimize"
    )
    # Another seed for every continuation, so that it does not try the same values again.
    study.sampler = optuna.samplers.TPESampler(seed=(seed + len(study.trials)) % 2**32)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=warm_up)
    return study


def _parse(url: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # Without the cause, which may quote the URL.
        raise InvalidParams(
            "PIPELINE_STUDY_URL is no SQLAlchemy URL, such as postgresql://user:password@host/studies"
        ) from (None if "://" in url else error)
    return parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    shown = url.render_as_string(hide_password=True)
    try:
        yield
    except RuntimeError as error:
        raise InvalidParams(
            f"{shown} has tables of another program, or of a newer Optuna; give studies a database of their own "
            "(PIPELINE_STUDY_URL), and not that of MLflow"
        ) from error
    except (ImportError, SQLAlchemyError) as error:
        reason = str(error).strip().splitlines()[0]
        if url.password:
            reason = reason.replace(str(url.password), "***")
        raise Unreachable(f"cannot open the studies at {shown}: {reason}; check PIPELINE_STUDY_URL") from None
