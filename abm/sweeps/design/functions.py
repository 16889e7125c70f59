"""Functions of the user's own that runs call: each is compiled, or its file run, before anything is written.

Only for the design or specification that a command is given; what a folder of results names is never run.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from abm.market.own_measures import measure_addresses
from abm.market.rules import rule_address
from abm.market.user_functions import user_function
from abm.scenario.rules import UserFunction, rules_of
from abm.sweeps.design.sections import within

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design


def check_functions(design: "Design") -> None:
    """Refuse a design whose runs could not call a function of the user's own.

    Raises
    ------
    InputError
        With the design's file, as a single run refuses the same function.
    """
    with within(f"{design.source}:"):
        compile_functions([*rules_of(design.scenario), *design.rules.values()], design.measures)
        if design.intervention is not None:
            user_function(design.intervention)


def compile_functions(rules: Iterable[UserFunction], measures: Mapping[str, UserFunction]) -> None:
    """Compile rules and measures, each once."""
    for rule in rules:
        rule_address(rule)
    measure_addresses(measures)
