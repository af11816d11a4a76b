"""Prediction of peak memory: arithmetic, what each choice saves, the suggestion, and the study's figure."""

import re
import subprocess
import sys

import pytest

from common.adapters.methods import METHODS, PeftSpec
from common.errors import ModelError
from common.models.footprint import Workload, fits, predict, suggestion
from common.models.generator import GeneratorBase
from common.models.shapes import Shapes
from common.models.study_memory import MODELS, PUBLISHED, figure_1

SEVEN = Shapes.of(MODELS["CodeLlama-7B"])
WORK = Workload(rows=8, length=128, dtype="bf16", device="cuda")
BASE = GeneratorBase(name="seven", folder="/nowhere", digest="0", architecture="llama", kind="causal", positions=4096)
GB = 1e9


def peak(method="lora", shapes=SEVEN, **work):
    return predict(PeftSpec(method=method), shapes, WORK.model_copy(update=work)).peak / GB


@pytest.mark.parametrize(
    ("name", "millions"),
    [("CodeT5+-220M", 223), ("CodeT5+-770M", 738), ("CodeGen-350M", 357), ("CodeLlama-7B", 6739),
     ("CodeLlama-13B", 13016), ("CodeLlama-34B", 33744), ("CodeGen2-7B", 6863)],
)  # fmt: skip
def test_published_models_have_their_published_sizes(name, millions):
    assert round(Shapes.of(MODELS[name]).parameters / 1e6) == millions


def test_weights_by_storage():
    sixteen = predict(PeftSpec(), SEVEN, WORK).weights
    assert sixteen == 2 * SEVEN.parameters
    inside = sum(one.inputs * one.outputs for one in SEVEN.linears)
    outside = sixteen - 2 * inside
    eight = predict(PeftSpec(method="qlora-8bit"), SEVEN, WORK).weights
    four = predict(PeftSpec(method="qlora-4bit"), SEVEN, WORK).weights
    assert eight - outside == pytest.approx(inside, rel=0.01)
    assert four - outside == pytest.approx(0.516 * inside, rel=0.01)
    assert predict(PeftSpec(method="full"), SEVEN, WORK).weights == 4 * SEVEN.parameters


def test_full_fine_tuning_has_gradients_and_moments_of_every_weight():
    adamw = predict(PeftSpec(method="full"), SEVEN, WORK)
    assert (adamw.gradients, adamw.optimiser) == (4 * SEVEN.parameters, 8 * SEVEN.parameters)
    adafactor = predict(PeftSpec(method="full"), SEVEN, WORK.model_copy(update={"optimiser": "adafactor"}))
    assert adafactor.optimiser < 0.01 * adamw.optimiser
    shared = predict(PeftSpec(method="full"), SEVEN, WORK.model_copy(update={"shards": 4}))
    assert shared.optimiser == adamw.optimiser / 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["CodeLlama-7B", "CodeGen-350M", "CodeT5+-220M"])
def test_less_work_takes_less(name, method):
    shapes = Shapes.of(MODELS[name])
    most = peak(method, shapes)
    bound = method == "full"  # by weights, gradients and optimiser, whatever the batch
    for less in ({"rows": 4}, {"length": 64}, {"checkpointing": True}, {"answer": 16}, {"optimiser": "adafactor"}):
        assert peak(method, shapes, **less) <= most
        assert bound or peak(method, shapes, **less) < most
    assert bound or peak(method, shapes, dtype="fp32") > most
    assert peak(method, shapes, accumulates=True) >= most


def test_what_fits_gives_the_footprint():
    found = fits(PeftSpec(), BASE, WORK, 80 * GB, SEVEN)
    assert found.peak == predict(PeftSpec(), SEVEN, WORK).peak
    assert sum(found.parts().values()) >= found.peak


@pytest.mark.parametrize(
    ("method", "limit", "told"),
    [
        ("lora", 18, "let 4 examples run together instead of 8"),
        ("lora", 14.6, "let 1 examples? run together|gradient checkpointing"),
        ("lora", 9, "qlora-8bit"),
        ("lora", 6, "qlora-4bit"),
        ("full", 40, "use --peft.method lora"),
        ("qlora-8bit", 6, "qlora-4bit"),
        ("lora", 2, "choose a smaller model"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_least_change(method, limit, told):
    with pytest.raises(ModelError, match=rf"with {method} takes about .* GB .*weights.* there are") as caught:
        fits(PeftSpec(method=method), BASE, WORK, limit * GB, SEVEN)
    assert re.search(told, caught.value.remedy), caught.value.remedy


def test_the_suggestion_fits():
    found = suggestion(PeftSpec(), SEVEN, WORK, 18 * GB)
    assert float(found.split("about ")[1].split(" GB")[0]) <= 18
    assert "checkpointing" not in suggestion(PeftSpec(method="prefix"), SEVEN, WORK, 14.2 * GB).split("qlora")[0]


def test_an_architecture_without_sizes_is_not_predicted(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    assert fits(PeftSpec(), BASE.model_copy(update={"folder": tmp_path}), WORK, GB) is None


def test_figure_1_of_the_study():
    rows = figure_1()
    assert [row.published for row in rows] == sorted(row.published for row in rows)
    assert len(rows) == len(PUBLISHED) == 10
    near = [row.name for row in rows if abs(row.ratio - 1) <= 0.25]
    assert len(near) >= 8, [(row.name, row.predicted, row.published) for row in rows]


def test_predicting_imports_no_torch():
    script = "import sys, common.models.study_memory as s; s.figure_1(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
