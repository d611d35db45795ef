"""Remarks that count are added up; others are told once."""

from __future__ import annotations

from harness import CountedRemark
from harness.evaluation.description import describe
from harness.execution.workers.answers import description_of
from harness.fields.dumping import dump
from harness.forecasters.remarks import merged_remarks, remark_texts

TEXT = "{count} of {total} series are constant"


def test_one_of_no_series_is_no_sentence() -> None:
    remarks = ("plain", CountedRemark("constant", TEXT, 0, 20), CountedRemark("odd", TEXT, 2, 3))

    assert remark_texts(remarks) == ("plain", "2 of 3 series are constant")


def test_counts_and_totals_of_a_topic_are_added_up() -> None:
    parts = [
        ("plain", CountedRemark("constant", "", 0, 5)),
        (CountedRemark("constant", TEXT, 2, 7), "plain", "other"),
        (CountedRemark("constant", TEXT, 1, 8),),
    ]

    merged = merged_remarks(parts)

    assert merged == ("plain", CountedRemark("constant", TEXT, 3, 20), "other")
    assert remark_texts(merged) == ("plain", "3 of 20 series are constant", "other")


def test_a_worker_tells_them() -> None:
    class Fitted:
        def __init__(self) -> None:
            self.remarks_ = ["plain", 3, CountedRemark("constant", TEXT, 2, 7)]

    told = dump(describe(Fitted()))  # type: ignore[arg-type]

    assert description_of(told, None).remarks == ("plain", "3", CountedRemark("constant", TEXT, 2, 7))


def test_what_is_no_remark_is_left_out() -> None:
    wrong = [3, None, {"topic": "a", "text": "b", "count": -1, "total": 2}, {"topic": 1, "text": "b"}, ["a"]]

    assert description_of({"remarks": [*wrong, "plain"]}, None).remarks == ("plain",)
