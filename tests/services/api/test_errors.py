from services.api.errors import ApiError


def every(kind):
    return {kind, *(sub for child in kind.__subclasses__() for sub in every(child))}


def test_every_failure_says_more_than_internal():
    assert {kind.code for kind in every(ApiError) - {ApiError}} == {
        kind.code for kind in every(ApiError) if kind.code != "internal"
    } | {"internal"}
