"""Probes: no authentication, and no dependency on MLflow or the database."""

from fastapi import APIRouter, Response

from services.api.http.dependencies import Served

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(services: Served, response: Response) -> dict[str, str]:
    """Tell that a model is loaded, since no worker listens before it is; 503 once the process is to end."""
    if services.drain.begun:
        response.status_code = 503
        return {"status": "draining"}
    return {"status": "ready"}
