"""The worker class: uvicorn with its fast parser and loop."""

from uvicorn_worker import UvicornWorker

__all__ = ["ApiWorker"]


class ApiWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    """uvicorn under gunicorn; says nothing of itself in headers."""

    CONFIG_KWARGS = {"loop": "uvloop", "http": "httptools", "server_header": False, "lifespan": "on"}  # noqa: RUF012
