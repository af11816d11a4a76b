import subprocess
import sys

import pytest

from common.config import validate
from common.corpora.sources.catalogue import _OPEN, open_set
from common.corpora.sources.config import SetConfig
from common.errors import ConfigError, DataError

NAMES = SetConfig.model_json_schema()["properties"]["name"]["enum"]


def test_every_name_can_be_opened():
    assert set(NAMES) == set(_OPEN)


@pytest.mark.parametrize(
    "values", [{"name": "cosqa", "level": "snippet"}, {"name": "xlcost", "text": "tokens"}, {"name": "wikipedia"}]
)
def test_what_says_nothing_about_a_set_is_refused(values):
    with pytest.raises(ConfigError):
        validate(SetConfig, values)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_not_there_or_holds_nothing(name, tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        open_set(SetConfig(name=name, path=tmp_path / "absent"))
    with pytest.raises(DataError, match=r"layout that is understood\n.*understood .*: \S"):
        open_set(SetConfig(name=name, path=tmp_path))


def test_describing_imports_neither_datasets_nor_torch():
    script = (
        "import sys, common.corpora.sources.catalogue\n"
        "print([name for name in ('datasets', 'huggingface_hub', 'torch', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
