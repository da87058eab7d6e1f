"""Probes: no authentication, and no dependency on MLflow or the database."""

from fastapi import APIRouter

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz() -> dict[str, str]:
    """Tell that a model is loaded: no worker listens before it is."""
    return {"status": "ready"}
