"""The profiler: what it counts, how its table looks, and that nothing of it remains."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pullback.runtime.autograd.events import EventList, FunctionEvent, tree
from pullback.runtime.autograd.profiler import emit_nvtx, operation_name, profile, record_function
from pullback.runtime.autograd.table import format_memory, format_time
from pullback.runtime.tape import engine
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.tensor.table import FUNCTIONS
from pullback.runtime.tensor.tensor import Tensor

import pullback as pb
from pullback import nn

ones = NAMES["ones"]


def counts(prof: profile) -> dict[str, int]:
    return {event.key: event.count for event in prof.key_averages()}


def test_operators_are_counted() -> None:
    x, y, z = (ones(2, 3, requires_grad=True) for _ in range(3))
    with profile() as prof:
        for _ in range(100):
            z = (z / x) * y
    assert counts(prof) == {"aten::div": 100, "aten::mul": 100}


def test_functions_and_methods_are_counted() -> None:
    x = ones(2)
    with profile() as prof:
        NAMES["exp"](x)
        x.exp()
        x += 1
        2 - x
        x**2
        -x  # noqa: B018
    assert counts(prof) == {
        "aten::exp": 2, "aten::add_": 1, "aten::rsub": 1, "aten::pow": 1, "aten::neg": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mul", "mul"), ("__rmul__", "mul"), ("__iadd__", "add_"), ("__truediv__", "div"),
     ("__and__", "bitwise_and"), ("__matmul__", "matmul"), ("__invert__", "bitwise_not"),
     ("__itruediv__", "div_"), ("add_", "add_")],
)  # fmt: skip
def test_names(name: str, expected: str) -> None:
    assert operation_name(name) == f"aten::{expected}"


LAYERS: list[tuple[Any, tuple[int, ...], str]] = [
    (lambda: nn.Conv1d(2, 3, 2), (1, 2, 4), "conv1d"),
    (lambda: nn.Conv2d(2, 3, 2), (1, 2, 4, 4), "conv2d"),
    (lambda: nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), "conv3d"),
    (lambda: nn.ConvTranspose1d(2, 3, 2), (1, 2, 4), "conv_transpose1d"),
    (lambda: nn.ConvTranspose2d(2, 3, 2), (1, 2, 4, 4), "conv_transpose2d"),
    (lambda: nn.ConvTranspose3d(2, 3, 2), (1, 2, 4, 4, 4), "conv_transpose3d"),
    (lambda: nn.MaxPool2d(2), (1, 2, 4, 4), "max_pool2d"),
    (lambda: nn.AvgPool2d(2), (1, 2, 4, 4), "avg_pool2d"),
    (lambda: nn.AdaptiveAvgPool2d(2), (1, 2, 4, 4), "adaptive_avg_pool2d"),
    (lambda: nn.BatchNorm2d(2), (1, 2, 4, 4), "batch_norm"),
    (lambda: nn.Dropout(), (4,), "dropout"),
    (lambda: nn.Linear(4, 2), (3, 4), "linear"),
    (lambda: nn.ReLU(), (4,), "relu"),
]


@pytest.mark.parametrize(("layer", "shape", "name"), LAYERS)
def test_layers_have_rows(layer: Any, shape: tuple[int, ...], name: str) -> None:
    model, x = layer(), pb.ones(*shape)
    with profile() as prof:
        model(x)
    assert prof.function_events is not None
    assert [e.name for e in prof.function_events if e.cpu_parent is None] == [f"aten::{name}"]


def test_nothing_remains() -> None:
    before = (dict(vars(Tensor)), dict(NAMES), dict(FUNCTIONS), list(engine.watchers))
    with pytest.raises(KeyError), profile():
        assert vars(Tensor)["__mul__"] is not before[0]["__mul__"]
        raise KeyError
    assert (dict(vars(Tensor)), dict(NAMES), dict(FUNCTIONS), list(engine.watchers)) == before


def test_results_are_the_same() -> None:
    x = ones(3, requires_grad=True)
    with profile(record_shapes=True, profile_memory=True, with_stack=True, with_flops=True):
        y = (x * x).sum()
        y.backward()
    assert repr(y) == "tensor(3., grad_fn=<SumBackward0>)" and x.grad.tolist() == [2, 2, 2]


def test_the_backward_pass() -> None:
    x = ones(3, requires_grad=True)
    y = (x * x).sum()
    with profile() as prof:
        y.backward()
    found = counts(prof)
    assert found["autograd::engine::evaluate_function: SumBackward0"] == found["SumBackward0"] == 1
    assert found["autograd::engine::evaluate_function: MulBackward0"] == found["MulBackward0"] == 1
    assert found["torch::autograd::AccumulateGrad"] == 1
    inner = next(e for e in prof.function_events or () if e.name == "MulBackward0")
    assert inner.cpu_parent.name == "autograd::engine::evaluate_function: MulBackward0"


def test_errors_are_timed_too() -> None:
    with profile() as prof, pytest.raises(RuntimeError):
        ones(2) * ones(3)
    assert counts(prof)["aten::mul"] == 1


# ---- times
def test_self_time_is_without_calls_within() -> None:
    with profile() as prof, record_function("outer"):
        time.sleep(0.002)
        with record_function("inner"):
            time.sleep(0.01)
    outer, inner = prof.key_averages()
    assert (outer.key, inner.key) == ("outer", "inner")
    assert outer.cpu_time_total >= inner.cpu_time_total >= 10_000
    assert outer.self_cpu_time_total == pytest.approx(outer.cpu_time_total - inner.cpu_time_total)
    assert prof.self_cpu_time_total == pytest.approx(outer.cpu_time_total)
    total = prof.total_average()
    assert total.key == "Total" and total.count == 2


def event(name: str, start: float, end: float, thread: int = 1) -> FunctionEvent:
    return FunctionEvent(0, name, thread, start, end)


def test_trees() -> None:
    a, b, c, d, e = (
        event("a", 0, 10),
        event("b", 1, 4),
        event("c", 2, 3),
        event("d", 4, 5),
        event("e", 0, 9, 2),
    )
    assert tree([c, d, a, e, b]) == [a, e, b, c, d]
    assert (a.cpu_children, b.cpu_children, e.cpu_parent) == ([b, d], [c], None)


def test_a_call_that_only_calls_its_namesake_is_one() -> None:
    a, b, c = event("a", 0, 10), event("a", 1, 9), event("c", 2, 3)
    assert tree([a, b, c]) == [a, c]
    assert a.cpu_children == [c] and c.cpu_parent is a


# ---- the table
ROW = re.compile(
    r"^ *(aten::\w+) +([\d.]+)% +([\d.]+)(us|ms|s) +([\d.]+)% +([\d.]+)(us|ms|s) +([\d.]+)us +(\d+)  $"
)


def test_the_table() -> None:
    x = ones(3)
    with profile() as prof:
        for _ in range(3):
            x = x * 2
        x / 2
    lines = prof.key_averages().table(sort_by="count").split("\n")
    rule = "-" * 13 + "  " + ("-" * 12 + "  ") * 6
    assert lines[0] == lines[2] == lines[5] == rule
    assert lines[1] == (
        "         Name    Self CPU %      Self CPU   CPU total %     CPU total  CPU time avg    # of Calls  "
    )
    rows = [ROW.match(line) for line in lines[3:5]]
    assert [(row[1], row[9]) for row in rows if row] == [("aten::mul", "3"), ("aten::div", "1")]
    assert re.match(r"^Self CPU time total: [\d.]+us$", lines[6]) and lines[7] == ""
    assert str(prof.key_averages()) == prof.key_averages().table()


def made(*times: float, name: str = "op") -> EventList:
    """Averages of events one after the other, their times in microseconds."""
    return EventList(
        tree([event(f"{name}{k}", 1e9 * k, 1e9 * k + us) for k, us in enumerate(times)])
    ).key_averages()


def test_units_shares_and_order() -> None:
    text = made(1.5, 2_000, 3e6, name="operation").table(sort_by="self_cpu_time_total")
    assert text.split("\n")[3:6] == [
        "    operation2        99.93%        3.000s        99.93%        3.000s        3.000s             "
        "1  ",
        "    operation1         0.07%       2.000ms         0.07%       2.000ms       2.000ms             "
        "1  ",
        "    operation0         0.00%       1.500us         0.00%       1.500us       1.500us             "
        "1  ",
    ]
    assert "3002001.500us" in made(1.5, 2_000, 3e6).table(time_unit="us")


def test_rows_headers_and_levels() -> None:
    events = made(1, 2, 3)
    assert len(events.table(row_limit=2).split("\n")) == len(events.table().split("\n")) - 1
    assert len(events.table(row_limit=-1).split("\n")) == len(events.table().split("\n"))
    lines = events.table(header="my header", top_level_events_only=True).split("\n")
    assert set(lines[0]) == {"="} and lines[1] == "my header"
    assert lines[3] == "This report only display top-level ops statistics"
    with profile() as prof, record_function("outer"), record_function("inner"):
        pass
    assert "inner" not in prof.table(top_level_events_only=True)
    assert EventList().table() == ""


def test_long_names_are_cut() -> None:
    text = made(1.0, name="n" * 100).table()
    assert "n" * 52 + "..." in text and "n" * 53 not in text
    assert "n" * 100 in made(1.0, name="n" * 100).table(max_name_column_width=None)


def test_unknown_columns_to_sort_by() -> None:
    with pytest.raises(AttributeError):
        made(1.0).table(sort_by="beauty")


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0.000us"), (999.9994, "999.999us"), (1000, "1.000ms"), (1e6, "1.000s")]
)
def test_times(us: float, text: str) -> None:
    assert format_time(us) == text


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.50 KB"), (-(2**20), "-1.00 MB"), (3 * 2**30, "3.00 GB")],
)
def test_bytes(nbytes: int, text: str) -> None:
    assert format_memory(nbytes) == text


# ---- more columns
def test_shapes() -> None:
    with profile(record_shapes=True) as prof:
        ones(2, 3) * ones(2, 3)
        ones(4) * 2
        ones(4) * 3
    found = {(e.key, str(e.input_shapes)): e.count for e in prof.key_averages(group_by_input_shape=True)}
    assert found["aten::mul", "[[2, 3], [2, 3]]"] == 1 and found["aten::mul", "[[4], []]"] == 2
    assert "Input Shapes" in prof.key_averages(group_by_input_shape=True).table()
    assert "Input Shapes" not in prof.key_averages().table()


def test_memory() -> None:
    x = ones(256)
    with profile(profile_memory=True) as prof, record_function("block"):
        x * 2
        x.detach()
    block, mul = prof.key_averages()
    assert (mul.cpu_memory_usage, mul.self_cpu_memory_usage) == (1024, 1024)
    assert (block.cpu_memory_usage, block.self_cpu_memory_usage) == (1024, 0)
    row = next(line for line in prof.key_averages().table().split("\n") if "aten::mul" in line)
    assert re.search(r"1\.00 KB +1\.00 KB +1  $", row)
    assert prof.table(sort_by="self_cpu_memory_usage").split("\n")[3].lstrip().startswith("aten::mul")


def calling(x: Any) -> Any:
    return x * 2


def test_stacks(tmp_path: Path) -> None:
    with profile(with_stack=True) as prof:
        for _ in range(200):
            calling(ones(2))
    average = next(e for e in prof.key_averages(group_by_stack_n=2) if e.key == "aten::mul")
    assert average.stack[0].endswith("): calling") and "test_profiler.py(" in average.stack[0]
    assert "Source Location" in prof.key_averages(group_by_stack_n=2).table()
    prof.export_stacks(tmp_path / "stacks.txt")
    for line in (tmp_path / "stacks.txt").read_text().splitlines():
        assert re.search(r";.*calling \d+$|test_stacks \d+$", line)
    with pytest.raises(ValueError, match="metric should be one of"):
        prof.export_stacks(tmp_path / "stacks.txt", "self_cuda_time_total")


def test_flops() -> None:
    with profile(with_flops=True) as prof:
        ones(10, 100) * 2
        ones(3).exp()
    text = prof.key_averages().table()
    assert "Total KFLOPs" in text and re.search(r"aten::mul.* 1\.000  $", text, re.M)
    assert re.search(r"aten::exp.* --  $", text, re.M)


def test_chrome_traces(tmp_path: Path) -> None:
    with profile(record_shapes=True) as prof, record_function('a "quoted" name'):
        NAMES["ones"](3) * 2
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    spans = [e for e in events if e["ph"] == "X"]
    assert [e["name"] for e in spans] == ['a "quoted" name', "aten::ones", "aten::mul"]
    outer = spans[0]
    for span in spans:
        assert set(span) >= {"name", "ph", "ts", "dur", "pid", "tid", "cat"} and span["dur"] >= 0
        assert outer["ts"] <= span["ts"] and span["ts"] + span["dur"] <= outer["ts"] + outer["dur"]
    assert spans[2]["args"] == {"Input Dims": [[3], []]}


# ---- use
def test_record_function_as_a_decorator() -> None:
    @record_function("work")
    def work(k: int) -> int:
        """Says what it does."""
        return k and work(k - 1)

    work(3)
    with profile() as prof:
        work(2)
    assert counts(prof) == {"work": 3} and work.__doc__ == "Says what it does."


def test_threads() -> None:
    x = ones(3)

    def work() -> None:
        for _ in range(100):
            x * 2

    with profile() as prof:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts(prof) == {"aten::mul": 400}
    assert 1 <= len({e.thread for e in prof.function_events or ()}) <= 4


def test_a_profiler_that_is_off() -> None:
    with profile(enabled=False) as prof:
        ones(1) * 2
    with pytest.raises(RuntimeError, match="Profiler didn't finish running"):
        prof.key_averages()


def test_one_at_a_time_and_once() -> None:
    with profile() as prof:
        with pytest.raises(RuntimeError, match="a profiler is on already"), profile():
            pass
        with pytest.raises(RuntimeError, match="Profiler didn't finish running"):
            prof.table()
    with pytest.raises(RuntimeError, match="not reentrant"), prof:
        pass
    assert repr(profile()) == "<unfinished profiler>"


def test_other_devices() -> None:
    with pytest.warns(UserWarning, match="CUDA is not available, disabling CUDA profiling"):
        profile(use_cuda=True)
    with pytest.raises(RuntimeError, match="emit_nvtx marks ranges for NVIDIA's profiler"):
        emit_nvtx()
