"""How fast is a step, a run, a command; what limits it; and what does each cost in memory?

Machines are shared and their speed changes, so all candidates are timed in turn in every round; reported is
the median over rounds of a ratio, with the smallest and the largest beside it. A firm-step is a slot that holds a
firm at the start of the run, times a step; entry and review are off, as they are in the peers.

    python -m experiments.speed [--quick] [--out DIR]

writes

    speed.csv, speed.png        a step beside NumPy, Mesa objects, JAX where it is installed, and the memory's speed
    targets.csv                 targets and what was measured
    stages.csv                  where the time of a step goes
    sizes.csv, steps.csv, costs.png   cost against the size of the market and the length of the run
    machine.json
"""
