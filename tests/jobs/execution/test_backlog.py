"""What goes to which actor, as a state machine: whatever happens, every item is judged once and none is lost."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobs.execution.backlog import LONGEST, Backlog, Item


def items(*samples, problem="p"):
    return [Item(problem, sample, "strict", "") for sample in samples]


def samples(unit):
    return [item.sample for item in unit.items]


class EveryItemOnce(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.backlog = Backlog(unit_seconds=1.0, attempts=2)
        self.added, self.judged, self.units = set(), [], []

    @rule(some=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=12))
    def add(self, some):
        new = self.backlog.add([Item(problem, sample, "strict", "") for problem, sample in some])
        assert self.added.isdisjoint(item.key for item in new)
        self.added.update(item.key for item in new)

    @rule(idle=st.booleans(), actors=st.integers(1, 5))
    def take(self, idle, actors):
        waiting = self.backlog.waiting
        unit = self.backlog.take(actors, idle=idle)
        if unit is None:
            assert not (idle and waiting)
        else:
            assert unit.items and (idle or not unit.alone) and (not unit.alone or len(unit.items) == 1)
            self.units.append(unit)

    @precondition(lambda self: self.units)
    @rule(data=st.data())
    def finish(self, data):
        unit = self.units.pop(data.draw(st.integers(0, len(self.units) - 1)))
        done = data.draw(st.integers(0, len(unit.items)))
        for item in unit.items[:done]:
            assert self.backlog.finished(item, data.draw(st.floats(0, 5)))
            self.judged.append(item.key)
        self.backlog.put_back(unit.items[done:])

    @precondition(lambda self: self.units)
    @rule(data=st.data())
    def crash(self, data):
        unit = self.units.pop(data.draw(st.integers(0, len(self.units) - 1)))
        self.judged.extend(item.key for item in self.backlog.crashed(unit))

    @invariant()
    def nothing_is_lost(self):
        under_way = [item.key for unit in self.units for item in unit.items]
        assert len(set(self.judged)) == len(self.judged)
        assert len(self.judged) + len(under_way) + self.backlog.waiting == len(self.added)
        assert self.backlog.open == len(self.added) - len(self.judged)


TestEveryItemOnce = EveryItemOnce.TestCase


def test_units_become_as_long_as_they_should():
    backlog = Backlog(unit_seconds=1.0, attempts=3)
    backlog.add(items(*range(10_000)))
    first = backlog.take(1, idle=True)
    assert len(first.items) == 4
    for item in first.items:
        backlog.finished(item, 0.01)
    for _ in range(30):
        unit = backlog.take(1, idle=True)
        for item in unit.items:
            backlog.finished(item, 0.01)
    assert 80 <= len(unit.items) <= 101


def test_a_slow_problem_goes_one_by_one_and_leaves_the_others_as_they_are():
    backlog = Backlog(unit_seconds=1.0, attempts=3)
    quick, slow = items(*range(40), problem="quick"), items(*range(40), problem="slow")
    backlog.add([*quick, *slow])
    for item in quick[:20]:
        backlog.finished(item, 0.02)
    for item in slow[:20]:
        backlog.finished(item, 30.0)
    backlog.put_back(slow[20:])
    assert len(backlog.take(1, idle=True).items) == 1
    backlog.put_back(quick[20:])
    assert len(backlog.take(1, idle=True).items) >= 15


@given(st.integers(1, 40), st.integers(1, 8))
def test_every_actor_gets_its_share(waiting, actors):
    backlog = Backlog(unit_seconds=1e9, attempts=3)
    backlog.add(items(*range(waiting)))
    for item in items(0):
        backlog.finished(item, 1e-9)
    sizes = [len(unit.items) for unit in (backlog.take(actors, idle=True) for _ in range(actors)) if unit]
    assert max(sizes) <= min(LONGEST, -(-waiting // actors))
    assert len(sizes) == min(waiting, actors)


def test_what_comes_back_is_next_and_in_order():
    backlog = Backlog(unit_seconds=1.0, attempts=3)
    backlog.add(items(*range(20)))
    unit = backlog.take(1, idle=True)
    backlog.put_back(unit.items[1:])
    assert samples(backlog.take(1, idle=True)) == [1, 2, 3, 4]


def test_after_a_crash_each_is_alone_and_the_guilty_one_is_given_up():
    backlog = Backlog(unit_seconds=1.0, attempts=3)
    backlog.add(items(*range(3)))
    unit = backlog.take(1, idle=True)
    assert backlog.crashed(unit) == []
    assert backlog.take(1, idle=False) is None, "a suspect needs an actor that has nothing else"
    alone = [backlog.take(1, idle=True) for _ in range(3)]
    assert [samples(unit) for unit in alone] == [[0], [1], [2]] and all(unit.alone for unit in alone)
    backlog.finished(alone[0].items[0], 0.1)
    backlog.finished(alone[2].items[0], 0.1)
    assert backlog.crashed(alone[1]) == []
    assert backlog.crashed(backlog.take(1, idle=True)) == items(1)
    assert backlog.open == backlog.waiting == 0
