"""A Mesa model that is some steps on, and what it has to equal."""

import pandas as pd

from abm import MarketModel, Scenario

# Every mechanism at work: entries, exits, reviews of three policies, sectors that differ.
BUSY = Scenario.load("four-sectors").replace(
    capacity=120, initial_firms=90, steps=60, entry_rate=0.1, review_interval=3
)
LEVELS = ("light", "full")


def moved_on(steps: int, **arguments) -> MarketModel:
    model = MarketModel(arguments.pop("scenario", BUSY), rng=arguments.pop("rng", 3), **arguments)
    for _ in range(steps):
        model.step()
    return model


def history(model: MarketModel) -> pd.DataFrame:
    return model.datacollector.get_model_vars_dataframe().rename_axis("step")


def assert_same_frame(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def assert_equals_engine(model: MarketModel, result) -> None:
    assert_same_frame(history(model).loc[1:], result.steps)
    assert_same_frame(model.firms, result.firms)
    assert_same_frame(model.lives, result.lives)
    pd.testing.assert_series_equal(model.outcomes(), result.outcomes, check_exact=True)
