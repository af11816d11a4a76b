"""What holds for every family, whichever of its parameters are drawn."""

import ast
import json
from random import Random

import pytest

from common.corpora.microproblems.families import FAMILIES
from common.corpora.microproblems.family import Function, Option, Stdin, as_method, label, prose
from common.corpora.microproblems.run import runner
from tests.common.corpora.microproblems.answers import tokens

EACH = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
FUNCTIONS = [family for family in FAMILIES if isinstance(family.form, Function)]
STORY = {"person": "Ada", "things": "coins"}


def name_of(family):
    return family.form.names[0] if isinstance(family.form, Function) else None


def test_there_are_several_dozen_of_each_kind():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 80
    for form in (Stdin, Function):
        assert sum(isinstance(family.form, form) for family in FAMILIES) >= 30
    for difficulty, least in (("introductory", 25), ("interview", 25), ("competition", 12)):
        assert sum(family.difficulty == difficulty for family in FAMILIES) >= least


@EACH
def test_parameters_are_many_and_different(family):
    space = family.space()
    assert len(space) >= 24
    assert len({label(parameters) for parameters in space}) == len(space)
    assert len({family.sources(parameters, name_of(family)) for parameters in space}) == len(space)


@EACH
def test_every_wording_tells_all_parameters(family):
    form = family.form
    rest = f" {form.reads} {form.prints}" if isinstance(form, Stdin) else f" {form.returns}"
    assert len(family.wordings) >= 2
    for wording in family.wordings:
        told = {prose(wording + rest, parameters, **STORY) for parameters in family.space()}
        assert len(told) == len(family.space()), "two problems would have one question"


@EACH
def test_two_solutions_agree(family):
    rng = Random(1)
    for parameters in rng.sample(family.space(), 6):
        first, *others = family.sources(parameters, name_of(family))
        assert others
        answer = runner(first, name_of(family))
        inputs = [*family.edges(parameters), *(family.draw(rng, parameters) for _ in range(25))]
        expected = [answer(given) for given in inputs]
        for other in others:
            assert ast.dump(ast.parse(other)) != ast.dump(ast.parse(first))
            run = runner(other, name_of(family))
            assert [tokens(run(given)) for given in inputs] == [tokens(output) for output in expected]


@EACH
def test_inputs_and_answers_are_json(family):
    rng = Random(2)
    for parameters in rng.sample(family.space(), 4):
        answer = runner(family.sources(parameters, name_of(family))[0], name_of(family))
        edges = list(family.edges(parameters))
        assert 2 <= len(edges) <= 5
        for given in [*edges, *(family.draw(rng, parameters) for _ in range(10))]:
            output = answer(given)
            assert json.loads(json.dumps([given, output], allow_nan=False)) == [given, output]
            if name_of(family):
                assert isinstance(given, list)
            else:
                assert isinstance(given, str)
                assert given.endswith("\n")
                assert output.strip()


@pytest.mark.parametrize("family", FUNCTIONS, ids=lambda family: family.name)
def test_a_function_can_become_a_method(family):
    parameters = family.space()[-1]
    given = list(family.edges(parameters))[-1]
    for source in family.sources(parameters, name_of(family)):
        last = ast.parse(source).body[-1]
        assert isinstance(last, ast.FunctionDef)
        assert last.name == name_of(family)
        assert [argument.arg for argument in last.args.args] == list(family.form.arguments)
        method = as_method(source, name_of(family))
        assert isinstance(ast.parse(method).body[-1], ast.ClassDef)
        assert runner(method, name_of(family))(given) == runner(source, name_of(family))(given)


@EACH
def test_options_with_two_codes_have_them_used(family):
    """An option's second code is there for a solution that writes it: else it would be dead text."""
    for name, values in family.parameters.items():
        if any(isinstance(value, Option) and value.other for value in values):
            assert any(f"${name}_other" in source for source in family.solutions), name
