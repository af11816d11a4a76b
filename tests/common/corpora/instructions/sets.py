"""What the tests of the sources share."""

from common.corpora.instructions.config import InstructionConfig
from common.corpora.instructions.load import load_instructions
from common.corpora.problems.record import Notice


def load(*sources, **more):
    return load_instructions(InstructionConfig.model_validate({"sources": sources, **more}))


def everything(sets):
    """The examples of all sets."""
    return [*sets.train, *sets.dev, *(example for its in sets.tests.values() for example in its)]


def accounts_for_all(report):
    """Whether every row that was read is an example, dropped for a reason, or named as bad."""
    return report.read == sum(report.dropped.values()) + report.bad + sum(report.sizes.values())


def bad(sets, source):
    return [str(p) for p in sets.report.sources[source].problems if not isinstance(p, Notice)]


def notices(sets, source):
    return [str(p) for p in sets.report.sources[source].problems if isinstance(p, Notice)]
