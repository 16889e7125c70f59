"""A plain twin of the model: slow, one firm at a time, a function for each stage.

Written from the specification alone, in its words and symbols, so that the compiled kernels can be held
against it. Randomness is injected: `draws` has `normals` and `uniforms`, each taking (process, sector, place,
step) and returning a pair. The start is step 0; a place is a position among its sector's slots.
"""

from tests.twin.run_outcomes import outcomes
from tests.twin.stages import step
from tests.twin.starts import start, start_from_rows
from tests.twin.state import Market

__all__ = ["Market", "outcomes", "start", "start_from_rows", "step"]
