"""One request among others: its stops, its log probabilities, its cancellation, and what happens when a pass fails."""

import time

import pytest
import torch

from common.models.generator import load_generator, resolve_generator
from serving.engines.decoding import DecodingEngine
from serving.engines.generation_lane import Lane
from serving.records import ServingError
from tests.decoders_zoo import llama
from tests.models_zoo import LINES
from tests.serving.decoders import CPU, Listener, ask, limits, offline, sampling_of, trained

pytestmark = pytest.mark.usefixtures("one_thread")

PROMPT = LINES[0]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return resolve_generator(str(llama(tmp_path_factory.mktemp("requests") / "llama")))


@pytest.fixture
def engine(base):
    made = DecodingEngine(base, device=CPU, precision="fp32", budget=1200)
    yield made
    made.close()


def until(true):
    """Wait until the engine's thread has made it true."""
    while not true():
        time.sleep(0.005)


def test_stop_texts_end_answers_as_offline(base, engine):
    free = ask(engine, PROMPT, max_tokens=40).text()
    for length in (1, 2, 5):
        stop = (free[9 : 9 + length], "never there")
        stopped = ask(engine, PROMPT, max_tokens=40, stop=stop)
        (expected,) = offline(base).answers([PROMPT], sampling_of(limits(max_tokens=40, stop=stop)))
        assert stopped.text() == expected.texts[0] == free.split(stop[0])[0]
        assert stopped.finish() == "stop" and sum(piece.tokens for piece in stopped.of()) == expected.tokens


def test_an_answer_tells_why_it_ended_and_what_it_took(engine):
    answer = ask(engine, PROMPT, max_tokens=7)
    assert answer.finish() == "length"
    assert sum(piece.tokens for piece in answer.of()) == 7
    assert [piece.finish for piece in answer.of()[:-1]] == [None] * (len(answer.of()) - 1)


def test_the_end_of_text_token_ends_it_and_says_nothing(base, engine, monkeypatch):
    prompt = engine.tokenizer(PROMPT)["input_ids"]
    with torch.no_grad():
        token = int(load_generator(base, CPU, dtype=torch.float32)(torch.tensor([prompt])).logits[0, -1].argmax())
    vocabulary = engine._vocabulary
    monkeypatch.setattr(engine, "_vocabulary", type(vocabulary)(vocabulary.tokenizer, (token,)))
    answer = ask(engine, PROMPT, logprobs=0)
    assert answer.finish() == "stop" and sum(piece.tokens for piece in answer.of()) == 1
    assert not [one for piece in answer.of() for one in piece.logprobs]


def test_log_probabilities_are_the_model_s_own(base, engine):
    """Under temperature 1, whatever the request's is."""
    answer = ask(engine, PROMPT, temperature=0.3, top_p=0.5, seed=4, logprobs=3, max_tokens=8)
    told = [one for piece in answer.of() for one in piece.logprobs]
    assert len(told) == 8
    model, ids = load_generator(base, CPU, dtype=torch.float32), engine.tokenizer(PROMPT)["input_ids"]
    names = [engine.tokenizer.decode([token]) for token in range(len(engine.tokenizer))]
    for one in told:
        with torch.no_grad():
            scores = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1], dim=0)
        values, best = scores.topk(3)
        assert [text for text, _ in one.top] == [names[token] for token in best]
        assert [value for _, value in one.top] == pytest.approx(values.tolist(), abs=1e-4)
        chosen = min(
            (token for token, name in enumerate(names) if name == one.token),
            key=lambda token: abs(float(scores[token]) - one.logprob),
        )
        assert one.logprob == pytest.approx(float(scores[chosen]), abs=1e-4)
        ids.append(chosen)


def test_log_probabilities_stop_where_the_text_does(engine):
    free = ask(engine, PROMPT, max_tokens=30, logprobs=0)
    stop = free.text()[10:13]
    stopped = ask(engine, PROMPT, max_tokens=30, logprobs=0, stop=(stop,))
    told = [one for piece in stopped.of() for one in piece.logprobs]
    taken = sum(piece.tokens for piece in stopped.of())
    assert 0 < len(told) < taken
    assert told == [one for piece in free.of() for one in piece.logprobs][: len(told)]


def test_greedy_answers_are_equal_and_computed_once(engine):
    before = engine.stats().tokens
    answers = ask(engine, PROMPT, n=3)
    assert answers.text(0) == answers.text(1) == answers.text(2) == ask(engine, PROMPT).text()
    until(lambda: engine.stats().running == 0)
    assert engine.stats().tokens - before == 2 * 12


def test_answers_of_one_prompt_share_its_pass(engine, monkeypatch):
    seen = []
    model = engine._adapters.shared._rows._core
    handle = model.register_forward_pre_hook(
        lambda _, given, named: seen.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    answers = ask(engine, PROMPT, n=4, temperature=1.0)
    assert all(answers.finish(index) for index in range(4))
    handle.remove()
    assert [rows for rows, length in seen if length > 1] == [1]
    assert seen[1] == (4, 1)


def test_a_cancelled_request_leaves_and_makes_room(engine):
    long, short = ask(engine, PROMPT, max_tokens=400), ask(engine, PROMPT, max_tokens=20)
    long.begun.wait(60)
    waits = ask(engine, PROMPT, max_tokens=400)
    gone = ask(engine, PROMPT, max_tokens=400)
    gone.handle.cancel()
    long.handle.cancel()
    told = len(long.pieces)
    assert waits.finish() == "length" and short.finish() == "length"
    assert len(long.pieces) <= told + 1 and not long.error and not gone.pieces
    until(lambda: engine.stats().running == 0)
    assert engine.stats().positions == engine.stats().waiting == 0


def test_the_cache_never_holds_more_than_its_budget(engine):
    listeners = [ask(engine, line, max_tokens=100, n=2, temperature=1.0) for line in LINES * 2]
    most, running = 0, 0
    while any(not listener._over.is_set() for listener in listeners):
        stats = engine.stats()
        most, running = max(most, stats.positions), max(running, stats.running)
        time.sleep(0.001)
    assert all(listener.finish(1) for listener in listeners)
    assert most <= 1200 and running >= 4


def test_lanes_take_turns(base, engine, tmp_path):
    """A lane of its own goes on while the shared one has rows, and the other way round."""
    loaded = engine.load(*trained(tmp_path / "ia3", base, "ia3"))
    order = []
    listeners = [Listener(), Listener()]

    def noting(place):
        def note(what):
            order.append(place)
            listeners[place](what)

        return note

    ids = engine.tokenizer(PROMPT)["input_ids"]
    for place, adapter in enumerate((None, loaded)):
        engine.submit(ids, limits(max_tokens=60), adapter, noting(place))
    assert listeners[0].finish() and listeners[1].finish()
    first_of_second, last_of_first = order.index(1), len(order) - 1 - order[::-1].index(0)
    assert first_of_second < 20 < last_of_first


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), RuntimeError("a secret path")])
def test_a_pass_that_fails_harms_its_own_lane_only(base, engine, tmp_path, monkeypatch, error):
    loaded = engine.load(*trained(tmp_path / "ia3", base, "ia3"))
    expected = ask(engine, PROMPT, max_tokens=80).text()
    step = Lane.step
    monkeypatch.setattr(Lane, "step", lambda lane: fails() if lane is loaded.lane else step(lane))

    def fails():
        raise error

    bare, own = ask(engine, PROMPT, max_tokens=80), ask(engine, PROMPT, loaded)
    with pytest.raises(ServingError) as found:
        own.text()
    assert found.value.status == (503 if isinstance(error, torch.OutOfMemoryError) else 500)
    assert "secret" not in found.value.message
    assert bare.text() == expected
    monkeypatch.undo()
    assert ask(engine, PROMPT, loaded).text() != expected and engine.healthy
    engine.unload(loaded)
    until(lambda: loaded.lane is None)


def test_prompts_that_fail_to_enter_leave_the_running_rows_alone(engine, monkeypatch):
    expected = ask(engine, PROMPT, max_tokens=80).text()
    rows = engine._adapters.shared._rows
    running = ask(engine, PROMPT, max_tokens=80)
    running.begun.wait(60)

    def full(*_):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(rows, "_join", full)
    failing = ask(engine, PROMPT)
    assert running.text() == expected
    with pytest.raises(ServingError, match="out of memory"):
        failing.text()


def test_a_listener_that_fails_loses_its_request_only(engine):
    def fails(_):
        raise OSError("the client went away")

    ids = engine.tokenizer(PROMPT)["input_ids"]
    engine.submit(ids, limits(max_tokens=400), None, fails)
    assert ask(engine, PROMPT).text() == ask(engine, PROMPT).text()
    until(lambda: engine.stats().running == 0)


@pytest.mark.parametrize(
    ("prompt", "how", "param", "said"),
    [
        ([], {}, "prompt", "empty"),
        ([1] * 500, {"max_tokens": 13}, "prompt", "500 tokens and 13 new ones do not fit .* 512"),
        ([1, 9999], {}, "prompt", "token 9999"),
        ([1], {"max_tokens": 0}, "max_tokens", "at least 1"),
        ([1], {"n": 9, "temperature": 1.0, "max_tokens": 200}, "n", "exceed the 1,200"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_it_runs(engine, prompt, how, param, said):
    with pytest.raises(ServingError, match=said) as found:
        engine.submit(prompt, limits(**how), None, Listener())
    assert (found.value.status, found.value.param) == (400, param)
    assert engine.stats().tokens == 0


def test_room_is_what_may_be_asked_for(base, engine, tmp_path):
    loaded = engine.load(*trained(tmp_path / "prefix", base, "prefix"))
    assert engine.room(500) == 12 and engine.room(500, loaded) == 9
    listener = Listener()
    engine.submit([1] * 500, limits(max_tokens=9), loaded, listener)
    assert listener.finish() == "length"


def test_closing_ends_what_runs_with_an_error(base):
    engine = DecodingEngine(base, device=CPU, precision="fp32")
    running = ask(engine, PROMPT, max_tokens=400)
    running.begun.wait(60)
    engine.close()
    with pytest.raises(ServingError, match="was stopped"):
        running.text()
    with pytest.raises(ServingError, match="being stopped"):
        ask(engine, PROMPT)
    assert not engine.healthy
