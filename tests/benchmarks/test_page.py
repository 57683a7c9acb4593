"""docs/benchmarks.md says what was measured, and a verdict is what the numbers say."""

from typing import Any

import pytest
from benchmarks import __main__, page
from benchmarks.budget.figures import Figure, Unit, Verdict, timed
from benchmarks.profile import Sampler
from benchmarks.shared.results import duration, markdown, ratio, size, whole


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0.0312, "31.2 µs"), (0.9994, "999 µs"), (0.99951, "1.00 ms"), (9.994, "9.99 ms"),
        (9.996, "10.0 ms"), (312.4, "312 ms"), (999.6, "1.00 s"), (61_000, "61.0 s"),
        (1_234_000, "1,234 s"),
    ],
)  # fmt: skip
def test_a_duration_has_three_digits_and_the_unit_that_fits(ms: float, said: str) -> None:
    assert duration(ms) == said


@pytest.mark.parametrize(
    ("times", "said"), [(0.634, "0.6 ×"), (9.96, "10 ×"), (24.4, "24 ×"), (3_149.0, "3,100 ×")]
)
def test_a_ratio_says_no_more_than_it_knows(times: float, said: str) -> None:
    assert ratio(times) == said


@pytest.mark.parametrize(
    ("count", "said"), [(1.3166, "1.32 bytes"), (86e6, "86 MB"), (2.26e9, "2.26 GB")]
)
def test_a_size_is_in_the_unit_that_fits(count: float, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(39.9, Verdict.AIM), (40.0, Verdict.AIM), (100.0, Verdict.MUST), (100.1, Verdict.OVER)],
)
def test_a_promise_holds_up_to_its_number(value: float, verdict: Verdict) -> None:
    assert Figure(what="slot", value=value, must=100.0, aim=40.0).verdict is verdict


def test_what_was_only_aimed_at_is_over_when_missed_and_what_nobody_promised_is_only_told() -> None:
    assert Figure(what="a million", value=1_200.0, aim=1_000.0).verdict is Verdict.OVER
    assert Figure(what="commit", value=3.0).verdict is Verdict.TOLD


def test_a_median_is_held_against_the_promise_and_the_95th_percentile_told() -> None:
    figure = timed("slot", [1.0, 2.0, 3.0, 4.0, 100.0], must=5.0)
    assert figure.value == 3.0
    assert figure.p95 is not None
    assert figure.p95 > 50.0
    assert figure.cells() == ["slot", "≤ 5 ms", "", "3.00 ms", "80.8 ms", "", "must held"]


def test_a_figure_comes_back_as_it_was_written_down() -> None:
    figure = Figure(what="memory", value=2.5e9, unit=Unit.BYTES, must=3e9, aim=2e9)
    assert Figure.of(figure.facts()) == figure


def peer(system: str, *, durable: bool, **facts: Any) -> dict[str, Any]:
    row = {"system": system, "title": system, "partial": "", "durable": durable, "series": 1_000}
    return {**row, **facts}


def measured(median_ms: float) -> dict[str, Any]:
    return {"version": "1", "median_ms": median_ms, "p95_ms": 2 * median_ms, "cpu_ms": median_ms,
            "loaded_s": 1.0, "memory_bytes": 1e8, "value_bytes": 9.0}  # fmt: skip


def test_a_system_is_compared_with_what_promises_the_same_of_the_disk() -> None:
    rows = [
        peer("synced", durable=True, **measured(200.0)),
        peer("quick", durable=False, **measured(100.0)),
        peer("absent", durable=True, trouble="not installed: absent"),
        peer("sigmawatch", durable=True, **measured(10.0)),
        peer("sigmawatch-memory", durable=False, **measured(2.0)),
    ]
    machine = dict.fromkeys(
        ("date", "processor", "cores", "memory", "kernel", "python", "numpy", "load"), "x"
    )
    table = page.peers_table({"machine": machine, "rows": rows})
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    names = [line.split(" | ")[0].strip("| *●") for line in lines]
    assert names == ["sigmawatch-memory", "sigmawatch", "quick 1", "synced 1", "absent"]
    assert "50 ×" in lines[2]
    assert "20 ×" in lines[3]
    assert "not installed" in lines[4]
    assert "The best of the others: of the databases synced, 20 × ours." in table


def test_the_best_of_the_others_is_the_one_that_comes_nearest_to_ours() -> None:
    rows = [
        peer("sigmawatch", durable=True, **measured(10.0)),
        peer("sigmawatch-memory", durable=False, **measured(1.0)),
        peer("quick", durable=False, **measured(90.0)),
        peer("synced", durable=True, **measured(300.0)),
    ]
    rows.append(peer("numpy", durable=False, **measured(12.0)))
    assert page.best_of_the_others(rows) == (
        "The best of the others: of the databases synced, 30 × ours; "
        "of the libraries numpy, 12 × ours."
    )


def test_a_table_replaces_what_stands_between_its_comments_and_nothing_else() -> None:
    text = "a\n<!-- budget -->\nold\n<!-- /budget -->\nb\n"
    assert page.between(text, "budget", "new") == ("a\n<!-- budget -->\nnew\n<!-- /budget -->\nb\n")


def test_the_pages_are_what_was_measured() -> None:
    """`python -m benchmarks page` writes it."""
    text = page.PAGE.read_text("utf-8")
    assert page.rewritten(text) == text
    introduction = page.README.read_text("utf-8")
    assert page.introduced(introduction) == introduction


@pytest.mark.parametrize(
    ("said", "plain"), [("5.00 ms", "5 ms"), ("1.30 bytes", "1.3 bytes"), ("200 MB", "200 MB")]
)
def test_a_chosen_number_has_no_idle_digits(said: str, plain: str) -> None:
    assert whole(said) == plain


def test_a_profile_tells_each_stage_and_then_its_functions() -> None:
    rows = [
        {"stage": "gate", "function": "engine.gate: wild", "ms": 1.0, "share": 0.1},
        {"stage": "gate", "function": "the rest", "ms": 2.0, "share": 0.2},
        {"stage": "close", "function": "the rest", "ms": 7.0, "share": 0.7},
    ]
    assert page.profile_table({"rows": rows}).splitlines()[2:] == [
        "| **gate** |  | 3.00 ms | 30 % |",
        "|  | engine.gate: wild | 1.00 ms | 10 % |",
        "|  | the rest | 2.00 ms | 20 % |",
        "| **close** |  | 7.00 ms | 70 % |",
        "|  | the rest | 7.00 ms | 70 % |",
    ]


def test_numbers_stand_right_of_the_first_column() -> None:
    assert markdown(("a", "b"), [("x", "1")]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_a_profile_finds_the_function_at_work() -> None:
    sampler = Sampler()
    sampler.stage = "close"
    with sampler.looking(to_count=True):
        spinning()
    rows = sampler.told(slots=1)
    assert sum(row["share"] for row in rows) == pytest.approx(1.0, abs=0.01)
    assert rows[0]["stage"] == "close"
    assert rows[0]["function"] == "the benchmark itself"


def spinning() -> None:
    for _ in range(2_000_000):
        pass


def test_an_unknown_benchmark_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert __main__.main(["speed", "--fast"]) == 2
    assert "no benchmark speed; there are: alerts, backup, breadth, " in capsys.readouterr().out
