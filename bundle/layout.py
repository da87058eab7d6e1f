"""The files of a bundle."""

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
"""The files whose digests are in the manifest."""

BUNDLE_FILES = (*DIGESTED_FILES, MANIFEST, SIGNATURE)
"""The six files. No other file is ever opened."""

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
"""Files that MLflow adds for its own pages. Allowed by name, never opened."""
