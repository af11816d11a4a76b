import pytest
from pydantic import ValidationError

from common.adapters.methods import METHODS
from common.config import read_yaml
from common.errors import ConfigError
from jobs.codegen.compare_config import SEVEN, CompareMethodsConfig
from jobs.codegen.config import TrainCodegenConfig
from jobs.codegen.data import shared_template

CONFIGS = ("microproblems", "peft-conala", "peft-codealpaca", "peft-apps")


@pytest.mark.parametrize("name", CONFIGS)
def test_the_packaged_configurations_are_valid(request, name):
    values = read_yaml(request.config.rootpath / "jobs/configs" / f"{name}.yaml")
    assert TrainCodegenConfig.model_validate(values).data.sources
    assert CompareMethodsConfig.model_validate(values).methods == SEVEN


def test_the_seven_techniques_configuration_is_valid(request):
    values = read_yaml(request.config.rootpath / "jobs/configs/compare-microproblems.yaml")
    config = CompareMethodsConfig.model_validate(values)
    assert config.methods == SEVEN
    assert config.child("ia3", base=False).training.learning_rate == config.rates["ia3"]


@pytest.mark.parametrize("name", CONFIGS[1:])
def test_the_study_s_recipe_is_in_its_configurations(request, name):
    config = TrainCodegenConfig.model_validate(read_yaml(request.config.rootpath / "jobs/configs" / f"{name}.yaml"))
    recipe = config.training
    assert (recipe.epochs, recipe.batch, recipe.optimiser) == (5, 8, "adafactor")
    assert (recipe.warmup_share, recipe.evaluate_every, recipe.weight_decay) == (0.05, 0.2, 0.0)
    assert recipe.learning_rate in (None, METHODS[config.peft.method].generation_rate)
    assert METHODS[config.peft.method].generation_rate == 3e-4
    assert (config.peft.rank, config.peft.alpha, config.peft.dropout) == (16, 32, 0.05)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"training": {"fsdp": True}}, "fsdp spreads full"),
        ({"export": "merged", "peft": {"method": "prompt"}}, "cannot be merged"),
        ({"start": "some/adapter", "peft": {"method": "full"}}, "starts from the base"),
    ],
)
def test_what_does_not_go_together_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        TrainCodegenConfig.model_validate(given)


def test_each_technique_gets_the_parameters_and_rate_that_are_its_own():
    config = CompareMethodsConfig.model_validate(
        {
            "peft": {"rank": 4, "alpha": 8, "targets": ["q"]},
            "rates": {"prefix": 0.5},
            "training": {"gradient_checkpointing": True},
        }
    )
    lora, prefix = config.child("lora", base=True), config.child("prefix", base=False)
    targets = {method: config.child(method, base=False).peft.targets for method in ("qlora-4bit", "ia3", "prefix")}
    assert targets == {"qlora-4bit": ("q",), "ia3": (), "prefix": None}
    assert (lora.peft.rank, lora.peft.alpha, lora.training.learning_rate) == (4, 8, None)
    assert (prefix.peft.rank, prefix.training.learning_rate) == (None, 0.5)
    assert lora.training.gradient_checkpointing and not prefix.training.gradient_checkpointing
    assert lora.evaluation.base and not prefix.evaluation.base
    assert lora.name != prefix.name


def test_joint_training_needs_one_prompt():
    data = {"sources": ["conala", "apps"]}
    with pytest.raises(ConfigError, match="different ways"):
        shared_template(TrainCodegenConfig.model_validate({"data": data}).data, seq2seq=False)
    same = TrainCodegenConfig.model_validate({"data": {"sources": ["conala", "stdlib"]}}).data
    assert shared_template(same, seq2seq=False).name == "study"
    assert shared_template(same, seq2seq=True).name == "codet5p"
