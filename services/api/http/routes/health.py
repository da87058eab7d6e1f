"""Health checks (liveness and readiness probes), without authentication and independent of MLflow and the database."""

from fastapi import APIRouter, Response

from services.api.http.dependencies import Served

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Return 200 while the process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "Draining", "model": dict[str, str]}})
async def readyz(services: Served, response: Response) -> dict[str, str]:
    """Return 200 when a model is loaded (no worker listens before), and 503 after SIGTERM."""
    if services.drain.is_draining:
        response.status_code = 503
        return {"status": "draining"}
    return {"status": "ready"}
