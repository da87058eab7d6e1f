"""The command line of the API: ``python -m services.api`` serves, ``python -m services.api migrate`` migrates.

Every error in the settings, keys, database, registry or bundle is reported before a port opens: one line on standard
error that says what to do. The exit code is 2, and 3 if the bundle is refused, where a retry cannot help.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from bundle import ExpectedError

__all__ = ["main"]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, and rich is not imported
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run a command; an expected error is one line and an exit code."""
    try:
        app()
    except ExpectedError as error:
        sys.stderr.write(f"the API does not start: {error}\n")
        sys.exit(error.exit_code)


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Serve predictions of one model over HTTPS.

    Without a command: serve. The settings are environment variables that start with API_ (services/api/settings.py).

    \b
    Examples:
      python -m services.api
    """
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Serve until SIGTERM. Without a first model, wait for one.

    \b
    Example:
      API_PORT=8443 python -m services.api serve
    """
    from services.api.serve import serve_model
    from services.api.settings import load_settings

    must_restart = serve_model(load_settings())
    if must_restart:  # with the same command line; execv drops every thread, open file and metric of the wait
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (this very program)


@app.command()
def migrate(
    wait: Annotated[
        bool, typer.Option("--wait", help="Retry until the database answers, however long that takes.")
    ] = False,
) -> None:
    """Migrate the database to the newest version, and exit.

    If the database does not answer, retry for API_DATABASE_WAIT_SECONDS, then exit with 2.

    \b
    Examples:
      python -m services.api migrate
      python -m services.api migrate --wait
    """
    from services.api.database.migration import migrate_until_done, migrate_within
    from services.api.settings import load_settings

    settings = load_settings()
    if wait:
        migrate_until_done(settings.database_url)
    else:
        migrate_within(settings.database_url, settings.database_wait_seconds)


if __name__ == "__main__":
    main()
