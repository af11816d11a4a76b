"""The standard library is mined once for all tests that look at it."""

import pytest

from common.corpora.search_corpus import SearchCorpus
from common.corpora.stdlib import stdlib_corpus


@pytest.fixture(scope="session")
def corpus() -> SearchCorpus:
    return stdlib_corpus()
