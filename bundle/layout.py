"""Which files a bundle is made of."""

__all__ = [
    "BUNDLE_FILES",
    "COMPANION_FILES",
    "CONTRACT",
    "DIGESTED_FILES",
    "MANIFEST",
    "METRICS",
    "MODEL",
    "REFERENCE",
    "SIGNATURE",
]

MODEL = "model.ubj"
CONTRACT = "contract.json"
REFERENCE = "reference.json"
METRICS = "metrics.json"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"

DIGESTED_FILES = (MODEL, CONTRACT, REFERENCE, METRICS)
"""The files whose digests the manifest holds."""

BUNDLE_FILES = (*DIGESTED_FILES, MANIFEST, SIGNATURE)
"""The six files. Nothing else is ever opened."""

COMPANION_FILES = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    }
)
"""What MLflow lays beside the six for its own pages. Tolerated by name, never opened."""
