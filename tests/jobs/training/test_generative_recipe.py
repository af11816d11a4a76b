import pytest
from pydantic import ValidationError

from jobs.training.generative_recipe import GenerativeRecipe


def test_evaluations_come_every_fifth_of_an_epoch_and_at_the_end():
    recipe = GenerativeRecipe(batch=8, epochs=2)
    schedule = recipe.schedule(397)  # 50 steps an epoch, the last of five examples
    assert schedule.steps == 100
    assert sorted(recipe.marks(schedule)) == list(range(10, 101, 10))
    short = GenerativeRecipe(batch=8, epochs=0.5)
    assert sorted(short.marks(short.schedule(24))) == [1, 2]


def test_a_single_example_is_a_batch():
    assert GenerativeRecipe(batch=8, epochs=1).schedule(9).steps == 2


@pytest.mark.parametrize(
    "given",
    [
        {"select": "em"},
        {"fsdp": True, "optimiser": "adafactor"},
        {"fsdp": True, "generation": {"examples": 4}},
    ],
)
def test_what_does_not_go_together_is_refused(given):
    with pytest.raises(ValidationError):
        GenerativeRecipe.model_validate(given)
