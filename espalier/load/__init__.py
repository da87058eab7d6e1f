"""Load tests of the prediction API, judged by the service level objectives."""
