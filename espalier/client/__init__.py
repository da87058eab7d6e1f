"""Predictions of the API in Python: ``from espalier import Client``.

Gives:  Client and AsyncClient, which log in, keep and renew the token, repeat what failed for a moment, and split rows.
Reads:  lists of dictionaries, and tables of pandas, Polars and pyarrow; none of the three has to be installed.
Never:  shows a password or a token in a repr, a log line or an error.
"""

from espalier.client.asynchronous import AsyncClient
from espalier.client.errors import (
    ApiProblem,
    ApiUnreachable,
    ClientError,
    FieldProblem,
    InvalidInput,
    UnexpectedAnswer,
)
from espalier.client.predictions import MulticlassPrediction, Prediction, RegressionPrediction
from espalier.client.results import FeedbackCount, Model, Part, Predictions, Receipt
from espalier.client.retries import Retries
from espalier.client.synchronous import Client
from espalier.client.tls import trust

__all__ = [
    "ApiProblem",
    "ApiUnreachable",
    "AsyncClient",
    "Client",
    "ClientError",
    "FeedbackCount",
    "FieldProblem",
    "InvalidInput",
    "Model",
    "MulticlassPrediction",
    "Part",
    "Prediction",
    "Predictions",
    "Receipt",
    "RegressionPrediction",
    "Retries",
    "UnexpectedAnswer",
    "trust",
]
