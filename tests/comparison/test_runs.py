"""The runs of a comparison in their groups."""

import numpy as np
import pandas as pd

from abm.comparison.runs import collect_runs


def test_numbers_are_in_their_order_and_texts_in_that_of_appearance(frame):
    assert collect_runs(frame.iloc[::-1], by="network_effect").groups == ["0", "0.5", "0.9"]
    policies = frame.assign(policy=np.where(frame["churn"] > 0.2, "fixed", "imitate"))
    runs = collect_runs(policies.drop(columns="churn"), by="policy")
    assert runs.groups == ["imitate", "fixed"] and runs.baseline == "imitate"


def test_values_that_look_alike_stay_apart():
    frame = pd.DataFrame({"churn": [0.1234567, 0.1234568] * 3, "x": range(6)})
    assert collect_runs(frame, by="churn").groups == ["0.1234567", "0.1234568"]


def test_a_run_that_occurs_twice_counts_once(frame):
    runs = collect_runs(pd.concat([frame, frame.iloc[:5]]), by="network_effect")
    assert len(runs.frame) == len(frame)
    assert "5 runs occur twice" in runs.notes[0]


def test_a_text_that_is_no_outcome_is_left_out(frame):
    many = pd.concat([frame, frame.assign(seed=frame["seed"] + 50)])
    runs = collect_runs(many.assign(comment=[f"run {index}" for index in range(len(many))]), by="churn")
    assert not any("comment" in name for name in runs.names) and any("comment" in note for note in runs.notes)
