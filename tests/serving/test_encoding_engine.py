"""The engine against encoding offline; requests that are cancelled, fail and wait; adapters that come and go."""

import shutil
import threading
from concurrent.futures import CancelledError, Future

import numpy as np
import pytest

from common.adapters.folder import WEIGHTS
from common.errors import AdapterError, ModelError, UserError
from common.models.encoder import Encoder
from serving.engines.encoding import EncodingEngine
from tests.models_zoo import ARCHITECTURES, LINES, base
from tests.serving.encoder_adapters import cosines, lora, of_method, record, rewrite, shapes

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["", "x", *LINES, " ".join(LINES)[:300]]


@pytest.fixture(scope="module")
def on(zoo):
    return base(zoo("bert"), max_length=96)


@pytest.fixture(scope="module")
def folders(on, tmp_path_factory):
    root = tmp_path_factory.mktemp("engine")
    return [lora(root / str(n), on, n, **shape) for n, shape in enumerate(shapes(on)[:3])]


@pytest.fixture
def engine(on):
    made = EncodingEngine(on, precision="fp32", device="cpu")
    yield made
    made.close()


def offline(on, folder=None, precision="fp32", texts=TEXTS):
    return Encoder.load(on, adapter=folder, precision=precision, device="cpu").encode(texts, "query")


class Gate:
    """Holds the engine's passes up until it is opened, and counts them."""

    def __init__(self, engine, monkeypatch):
        self.opened, self.reached, self.batches = threading.Event(), threading.Event(), []
        inner = engine._encode

        def held(batch):
            self.batches.append(batch)
            self.reached.set()
            self.opened.wait()
            return inner(batch)

        monkeypatch.setattr(engine, "_encode", held)


@pytest.fixture
def gate(engine, monkeypatch):
    made = Gate(engine, monkeypatch)
    yield made
    made.opened.set()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_mixed_requests_have_the_vectors_of_encoding_offline(zoo, tmp_path, architecture):
    on = base(zoo(architecture))
    some = [lora(tmp_path / str(n), on, n, **shapes(on)[n]) for n in (0, 4)]
    engine = EncodingEngine(on, device="cpu")
    loaded = [None, *(engine.load(folder, record(folder)) for folder in some)]
    rows = engine.tokenize(TEXTS, "query")
    futures = [engine.submit([row], one) for row in rows for one in loaded]
    vectors = np.concatenate([future.result() for future in futures])
    for place, folder in enumerate([None, *some]):
        assert cosines(vectors[place :: len(loaded)], offline(on, folder, "auto")).min() >= 0.9999
    engine.close()


@pytest.mark.parametrize("method", ["ia3", "prompt", "prefix", "dora", "full"])
def test_other_methods_have_lanes_of_their_own(engine, on, folders, tmp_path, method):
    folder = of_method(tmp_path / method, on, method)
    first, mixed = engine.load(folder, record(folder)), engine.load(folders[0], record(folders[0]))
    assert not first.mixable and mixed.mixable
    assert first.bytes > 0 and mixed.bytes > 0
    rows = engine.tokenize(TEXTS, "query")
    futures = [engine.submit(rows, one) for one in (first, mixed, None)]
    for future, wanted in zip(futures, (folder, folders[0], None), strict=True):
        assert cosines(future.result(), offline(on, wanted)).min() >= 0.999999
    assert first.bytes > sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 2


def test_vectors_are_unit_float32_in_the_order_of_the_rows(engine, on):
    rows = engine.tokenize(TEXTS * 20, "query")  # several passes
    vectors = engine.submit(rows, None).result()
    assert vectors.dtype == np.float32 and vectors.shape == (len(rows), engine.hidden_size)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors, np.tile(offline(on), (20, 1)), atol=1e-5)


def test_no_rows_have_no_vectors(engine):
    assert engine.submit([], None).result().shape == (0, engine.hidden_size)


@pytest.mark.parametrize("length", [96, 90])
def test_the_longest_text_fits_beside_virtual_tokens(zoo, tmp_path, length):
    on = base(zoo("bert"), max_length=124)  # 124 and 4 virtual tokens are all the positions there are
    folder = of_method(tmp_path / "prompt", on, "prompt")
    engine = EncodingEngine(on, precision="fp32", device="cpu")
    loaded = engine.load(folder, record(folder))
    rows = engine.tokenize([" ".join(LINES) * 3], "query")
    assert len(rows[0]) == 124
    assert np.isfinite(engine.submit([rows[0], rows[0][:length]], loaded).result()).all()
    engine.close()


def test_waiting_requests_share_a_pass_and_adapters(engine, on, folders, gate):
    loaded = [None, *(engine.load(folder, record(folder)) for folder in folders)]
    row = engine.tokenize(LINES[:1], "query")
    first = engine.submit(row, None)
    gate.reached.wait()
    futures = [engine.submit(row, one) for one in loaded]
    assert engine.stats().waiting == 4 and engine.stats().running == 1
    gate.opened.set()
    for future in (first, *futures):
        future.result()
    assert [len(batch.ids) for batch in gate.batches] == [1, 4]


def test_a_processor_does_not_pad_short_rows_to_long_ones(engine, gate):
    first = engine.submit([[5] * 60], None)
    gate.reached.wait()
    futures = [engine.submit([[5] * length], None) for length in (10, 34, 12, 60, 15, 33)]
    gate.opened.set()
    for future in (first, *futures):
        future.result()
    passes = sorted((batch.length, sorted(map(len, batch.ids))) for batch in gate.batches[1:])
    assert passes == [(16, [10, 12, 15]), (40, [33, 34]), (64, [60])]


def test_a_single_text_does_not_wait_for_all_of_a_long_request(engine, gate):
    (row,) = engine.tokenize(LINES[:1], "query")
    long = engine.submit([row] * 2000, None)
    gate.reached.wait()
    short = engine.submit([row], None)
    done = []
    long.add_done_callback(lambda _: done.append("long"))
    short.add_done_callback(lambda _: done.append("short"))
    gate.opened.set()
    long.result()
    assert done[0] == "short"


def test_statistics_count_rows_and_tokens(engine):
    before = engine.stats()
    rows = engine.tokenize(LINES, "query")
    engine.submit(rows, None).result()
    after = engine.stats()
    assert after.rows - before.rows == len(LINES)
    assert after.tokens - before.tokens == sum(map(len, rows)) <= after.padded - before.padded
    assert after.passes > before.passes >= 1, "one pass ran before the engine was handed out"
    assert (after.waiting, after.running) == (0, 0)


def test_cancelling_drops_what_has_not_run(engine, gate):
    (row,) = engine.tokenize(LINES[:1], "query")
    running = engine.submit([row] * 500, None)
    gate.reached.wait()
    waiting, kept = engine.submit([row] * 3, None), engine.submit([row], None)
    assert running.cancel() and waiting.cancel()
    assert engine.stats().waiting == 1
    gate.opened.set()
    assert kept.result().shape == (1, engine.hidden_size)
    for future in (running, waiting):
        with pytest.raises(CancelledError):
            future.result()
    assert engine.stats().waiting == 0


def test_a_pass_that_fails_takes_its_requests_only(engine, monkeypatch):
    inner = engine._encode

    def failing(batch):
        if any(len(row) == 7 for row in batch.ids):
            raise MemoryError("no room")
        return inner(batch)

    monkeypatch.setattr(engine, "_encode", failing)
    good, bad = engine.submit([[5] * 60], None), engine.submit([[5] * 7, [5] * 90], None)
    with pytest.raises(MemoryError, match="no room"):
        bad.result()
    assert good.result().shape == (1, engine.hidden_size)
    assert engine.submit([[5] * 8], None).result().shape == (1, engine.hidden_size)
    assert engine.stats().waiting == 0 and engine.healthy


def test_an_adapter_of_another_base_is_refused_and_the_engine_goes_on(engine, zoo, tmp_path):
    other = base(zoo("roberta"))
    folder = lora(tmp_path / "other", other, **shapes(other)[0])
    with pytest.raises(AdapterError, match="trained on roberta"):
        engine.load(folder, record(folder))
    assert engine.submit([[5] * 8], None).result().shape == (1, engine.hidden_size)


def test_a_damaged_file_is_refused_and_the_engine_goes_on(engine, on, folders, tmp_path):
    folder = shutil.copytree(folders[0], tmp_path / "damaged")
    said = record(folder)
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-5] ^= 0xFF
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(AdapterError, match="changed or damaged"):
        engine.load(folder, said)
    loaded = engine.load(folders[0], record(folders[0]))
    vectors = engine.submit(engine.tokenize(TEXTS, "query"), loaded).result()
    assert cosines(vectors, offline(on, folders[0])).min() >= 0.999999


def test_another_digest_and_another_task_are_refused(engine, folders, tmp_path):
    with pytest.raises(AdapterError, match="not search-test"):
        engine.load(folders[0], record(folders[1]))
    folder = shutil.copytree(folders[0], tmp_path / "task")
    rewrite(folder, task="generation")
    with pytest.raises(AdapterError, match="trained for generation"):
        engine.load(folder, record(folder))


def test_virtual_tokens_without_room_are_refused(zoo, tmp_path):
    tight, roomy = base(zoo("bert")), base(zoo("bert"), max_length=96)
    folder = of_method(tmp_path / "prompt", roomy, "prompt")
    engine = EncodingEngine(tight, precision="fp32", device="cpu")
    with pytest.raises(ModelError, match="do not fit"):
        engine.load(folder, record(folder))
    engine.close()


def test_after_unloading_the_next_adapter_has_vectors_of_its_own(engine, on, folders):
    rows = engine.tokenize(TEXTS, "query")
    for folder in (*folders, folders[0]):
        loaded = engine.load(folder, record(folder))
        assert loaded.slot == 1
        assert cosines(engine.submit(rows, loaded).result(), offline(on, folder)).min() >= 0.999999
        engine.unload(loaded)
    assert cosines(engine.submit(rows, None).result(), offline(on)).min() >= 0.999999


def test_an_adapter_that_is_gone_is_never_answered_for(engine, folders):
    loaded = engine.load(folders[0], record(folders[0]))
    engine.unload(loaded)
    for again in (lambda: engine.submit([[5]], loaded), lambda: engine.unload(loaded)):
        with pytest.raises(RuntimeError, match="not loaded"):
            again()


def test_unloading_waits_for_requests_and_refuses_new_ones(engine, on, folders, gate):
    loaded = engine.load(folders[0], record(folders[0]))
    future = engine.submit(engine.tokenize(TEXTS, "query"), loaded)
    gate.reached.wait()
    unloading = threading.Thread(target=engine.unload, args=(loaded,))
    unloading.start()
    while loaded in engine._loaded:
        pass
    with pytest.raises(RuntimeError, match="not loaded"):
        engine.submit([[5]], loaded)
    assert unloading.is_alive() and not future.done()
    gate.opened.set()
    assert cosines(future.result(), offline(on, folders[0])).min() >= 0.999999
    unloading.join()


def test_adapters_come_and_go_while_others_encode(engine, on, folders):
    rows, wanted = engine.tokenize(TEXTS, "query"), [offline(on, folder) for folder in folders]
    worst: list[float] = []

    def visit(which):
        for _ in range(5):
            loaded = engine.load(folders[which], record(folders[which]))
            worst.append(cosines(engine.submit(rows, loaded).result(), wanted[which]).min())
            engine.unload(loaded)

    threads = [threading.Thread(target=visit, args=(which % 3,)) for which in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(worst) == 30 and min(worst) >= 0.999999


@pytest.mark.parametrize(
    ("rows", "says"), [([[]], "1 to 96 tokens, not 0"), ([[5] * 97], "not 97"), ([[5, 10**6]], "token ids from 0")]
)
def test_rows_that_cannot_run_are_refused(engine, rows, says):
    with pytest.raises(UserError, match=says):
        engine.submit(rows, None)


def test_texts_are_counted_uncut_and_spelt(engine):
    long = " ".join(LINES)
    (row,), (count,) = engine.tokenize([long], "query"), engine.count([long], "query")
    assert len(row) == engine.max_length == 96 < count
    assert engine.spell(engine.tokenize(["read a file"], "query")[0]) == "read a file"
    with pytest.raises(UserError, match="token ids"):
        engine.spell([-1])


def test_closing_fails_what_waits(on, monkeypatch):
    engine = EncodingEngine(on, precision="fp32", device="cpu")
    gate = Gate(engine, monkeypatch)
    futures: list[Future] = [engine.submit([[5] * 8], None)]
    gate.reached.wait()
    futures.append(engine.submit([[5] * 8], None))
    closing = threading.Thread(target=engine.close)
    closing.start()
    with pytest.raises(RuntimeError, match="closed"):
        futures[1].result()
    gate.opened.set()
    closing.join()
    assert futures[0].result().shape == (1, engine.hidden_size)
    assert not engine.healthy
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit([[5]], None)
