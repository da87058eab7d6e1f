from services.api.errors import ApiError


def every(kind):
    return {sub for child in kind.__subclasses__() for sub in (child, *every(child))}


def test_every_error_has_a_unique_code():
    codes = [kind.code for kind in every(ApiError)]

    assert "internal" not in codes
    assert len(set(codes)) == len(codes)
