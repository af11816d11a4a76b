import io

import pytest
from tqdm import tqdm

from jobs.training.progress import _update, progress_bar


@pytest.fixture
def bar():
    with tqdm(total=10, file=io.StringIO()) as made:
        yield made


def test_the_bar_stands_at_the_last_step_with_the_last_values(tmp_path, bar):
    curve = tmp_path / "metrics.jsonl"
    curve.write_text('{"step": 0, "dev_mrr": 0.5}\n{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.0}\n')
    _update(bar, curve)
    assert bar.n == 2
    assert bar.postfix == "loss=2.000, dev_mrr=0.500"


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_half_written_line_waits_for_its_end(tmp_path, bar, cut):
    curve = tmp_path / "metrics.jsonl"
    last = '{"step": 5, "loss": 2.125}'
    curve.write_text('{"step": 4, "loss": 3.0}\n' + last[:cut])
    _update(bar, curve)
    assert bar.n == 4
    curve.write_text('{"step": 4, "loss": 3.0}\n' + last + "\n")
    _update(bar, curve)
    assert bar.n == 5


def test_a_rewound_curve_takes_the_bar_back(tmp_path, bar):
    curve = tmp_path / "metrics.jsonl"
    curve.write_text('{"step": 8, "loss": 3.0}\n')
    _update(bar, curve)
    curve.write_text('{"step": 3, "loss": 3.0}\n')
    _update(bar, curve)
    assert bar.n == 3


def test_without_a_curve_or_with_an_empty_one_the_bar_stays_at_nothing(tmp_path, bar):
    _update(bar, tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    _update(bar, tmp_path / "empty.jsonl")
    assert bar.n == 0


def test_what_came_last_is_shown_when_the_work_ends(tmp_path, capsys):
    curve = tmp_path / "metrics.jsonl"
    with progress_bar(curve, 3, interval=3600):
        curve.write_text('{"step": 3, "loss": 1.0}\n{"ste')
    assert "3/3" in capsys.readouterr().err


def test_an_error_of_the_work_comes_through(tmp_path):
    with pytest.raises(ZeroDivisionError), progress_bar(tmp_path / "metrics.jsonl", 3, interval=3600):
        raise ZeroDivisionError
