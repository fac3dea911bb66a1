"""What tests of sources share."""

import pytest

from tests import compiled


@pytest.fixture(scope="session")
def scanner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    if why := compiled.why_no_scanner(folder):
        pytest.skip(why)
    return compiled.load_scanner(folder)
