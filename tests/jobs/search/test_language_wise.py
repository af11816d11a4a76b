"""What a language's own run is told."""

from pathlib import Path

from common.config import validate
from jobs.search.config import TrainSearchConfig
from jobs.search.language_wise import SHARED, child


def test_a_language_refines_the_shared_adapter_more_gently():
    config = validate(TrainSearchConfig, {
        "per_language": True, "shared_start": True, "refine": {"learning_rate": 3e-4},
        "training": {"epochs": 2, "interpolate": 0.6}, "data": {"source": "codesearchnet", "path": "x"},
    })  # fmt: skip
    own = child(config, "go", Path("/run"), None)
    TrainSearchConfig.model_validate(own.model_dump(mode="json"))
    assert (own.training.learning_rate, own.training.epochs, own.training.interpolate) == (3e-4, 2, 0.6)
    assert own.start == Path("/run") / SHARED / "adapter" and own.data.languages == ("go",)
    shared = child(config.model_copy(update={"shared_start": False}), SHARED, Path("/run"), None)
    assert shared.training.learning_rate is None and shared.start is None
