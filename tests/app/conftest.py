"""A running app and people in front of it, for the tests in a real browser."""

import pytest


@pytest.fixture(scope="module")
def browser():
    from tests.app.browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    from tests.app.served import served

    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.fixture
def person(app, browser):
    """Return a page of the app as its owner sees it, each time it is called."""
    from tests.app.browsing import people

    with people(app, browser) as opened:
        yield opened
