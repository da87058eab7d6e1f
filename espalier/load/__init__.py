"""Load on the prediction API, sent on time, and judged by the service level objectives."""
