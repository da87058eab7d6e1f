from pipelines import errors


def test_exit_codes_match_the_documentation():
    """docs/what-happens-when-it-fails.md lists them, and the chart's podFailurePolicy names them."""
    assert {name: getattr(errors, name).exit_code for name in errors.__all__} == {
        "PipelineError": 1,
        "NotComparable": 1,
        "InvalidParams": 2,
        "MissingData": 3,
        "InvalidData": 4,
        "AlteredData": 5,
        "Unreachable": 6,
        "RegistryFailure": 7,
        "RolloutFailed": 8,
        "PromotionLocked": 10,
        "OutputConflict": 11,
        "DiskFull": 12,
        "ClusterLost": 13,
    }
