"""How fast is a step, a run, a command; what limits it; and what does each cost in memory?

Machines are shared and their speed changes, so all candidates are timed in turn in every round; reported is
the median over rounds of a ratio, with the smallest and the largest beside it; what one thread does is timed by the
processor's clock, the rest by the wall's. A firm-step is a slot that holds a
firm at the start of the run, times a step; entry and review are off, as they are in the peers. The steady state is
what users run: `four-sectors` with entry, exit and review, timed from step 201 on.

    python -m experiments.speed [--quick] [--rounds N] [--out DIR] [--release CHECKOUT]

With a checkout of the release before (`git worktree add CHECKOUT b17d0f9`, the last of MODEL_VERSION 2.1) its times
stand beside, in a process that takes turns; on a processor with AVX-512, those of code for AVX2 do, too. Written are

    speed.csv, speed.png        a step beside NumPy, well written and naive, Mesa objects, JAX where it is installed,
                                and the memory's speed
    targets.csv                 what was to be reached and hoped for, and what was measured
    stages.csv                  where the time of a step goes
    sizes.csv, steps.csv, costs.png   cost against the size of the market and the length of the run
    machine.json
"""
