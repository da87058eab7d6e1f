"""The served model and its lineage."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from bundle import BundleMetrics, Contract, Lineage
from services.api.auth.scopes import Scope
from services.api.auth.tokens.access_tokens import Claims
from services.api.http.dependencies import Served, allow
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(tags=["model"])

Reader = Annotated[Claims, Depends(allow(Scope.MODEL_READ))]


class ModelCard(BaseModel):
    """The served version, its contract, metrics and lineage."""

    name: str
    version: str
    contract: Contract
    metrics: BundleMetrics
    lineage: Lineage


@router.get("/v1/model", responses=documented(401, 403))
async def read_model(caller: Reader, services: Served) -> ModelCard:  # noqa: ARG001
    """Return the served model: its contract, its test metrics and its lineage."""
    model = services.model
    return ModelCard(
        name=model.name,
        version=model.version,
        contract=model.bundle.contract,
        metrics=model.bundle.metrics,
        lineage=model.bundle.manifest.lineage,
    )
