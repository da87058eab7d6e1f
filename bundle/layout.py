"""The files of a bundle."""

__all__ = [
    "ALL_FILES",
    "BUNDLE_FILES",
    "COMPANION_FILES",
    "CONTRACT",
    "DIGESTED_FILES",
    "GOLDEN_ROWS",
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
GOLDEN_ROWS = "golden_rows.safetensors"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"

DIGESTED_FILES = (MODEL, CONTRACT, REFERENCE, METRICS)
"""The files whose digests are in every manifest."""

BUNDLE_FILES = (*DIGESTED_FILES, MANIFEST, SIGNATURE)
"""The six files of every bundle."""

ALL_FILES = (*BUNDLE_FILES, GOLDEN_ROWS)
"""Those and the file that a bundle has from format 3 on. No other file is ever opened."""

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
