"""Order statistics of large arrays: sorting and selection by buckets.

A floating-point number that is not negative is ordered like its bits read as an integer, its key. A bucket is a
stretch of keys, narrow where the numbers are small, so that it stays few in numbers where the tail is heavy.
"""

import numpy as np

from abm.numerics.compilation import allocating, inlined

_FEW = 2048  # numbers that are simply sorted
_SHORT = 32  # numbers that insertion sorts best
_SAMPLE = 512
_MOST_BUCKETS = 8192  # as many as stay in the cache


@allocating
def _buckets(values):
    """The least key, by how many bits keys are shifted to be buckets, and the number of buckets.

    Both from a sample without its ends: numbers far out must not make the buckets wide for all; they go to the first
    bucket and the last.
    """
    buckets = _SAMPLE
    while 8 * buckets < values.size and buckets < _MOST_BUCKETS:
        buckets *= 2
    sample = np.empty(_SAMPLE)
    for i in range(_SAMPLE):
        sample[i] = values[i * values.size // _SAMPLE]
    sample.sort()
    keys = sample.view(np.int64)
    least = keys[_SAMPLE // 64]
    shift = 0
    while ((keys[_SAMPLE - 1 - _SAMPLE // 64] - least) >> shift) >= buckets:
        shift += 1
    return least, shift, buckets


@inlined
def _bucket(key, least, shift, buckets):
    return min(max((key - least) >> shift, 0), buckets - 1)


@allocating
def _ends(values, least, shift, buckets):
    """For each bucket, the index after its last number in sorted order."""
    keys = values.view(np.int64)
    ends = np.zeros(buckets, dtype=np.int64)
    for i in range(keys.size):
        ends[_bucket(keys[i], least, shift, buckets)] += 1
    total = 0
    for bucket in range(buckets):
        total += ends[bucket]
        ends[bucket] = total
    return ends


@allocating
def _sort(values):
    """Sort few or more numbers where they are."""
    if values.size > _SHORT:
        values.sort()
        return
    for i in range(1, values.size):
        value, j = values[i], i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


@allocating
def in_order(values):
    """Sorted values.

    Parameters
    ----------
    values : float64 array, shape (n,)
        None of them negative.
    """
    if values.size <= _FEW:
        ordered = values.copy()
        ordered.sort()
        return ordered
    least, shift, buckets = _buckets(values)
    ends = _ends(values, least, shift, buckets)
    keys, ordered = values.view(np.int64), np.empty(values.size)
    for i in range(values.size):
        bucket = _bucket(keys[i], least, shift, buckets)
        ends[bucket] -= 1
        ordered[ends[bucket]] = values[i]
    for bucket in range(buckets):  # `ends` are the beginnings by now
        begin = ends[bucket]
        end = ends[bucket + 1] if bucket + 1 < buckets else values.size
        if end - begin > 1:
            _sort(ordered[begin:end])
    return ordered


@allocating
def of_ranks(values, ranks, found):
    """The values of given ranks, from 0, in the order of size.

    Parameters
    ----------
    values : float64 array, shape (n,)
        None of them negative.
    ranks : int64 array, shape (m,)
    found : float64 array, shape (m,)
        Filled.
    """
    if values.size <= _FEW:
        ordered = in_order(values)
        for j in range(ranks.size):
            found[j] = ordered[ranks[j]]
        return
    least, shift, buckets = _buckets(values)
    ends = _ends(values, least, shift, buckets)
    wanted, homes = np.zeros(buckets, dtype=np.bool_), np.empty(ranks.size, dtype=np.int64)
    for j in range(ranks.size):
        homes[j] = np.searchsorted(ends, ranks[j], side="right")
        wanted[homes[j]] = True
    kept, chosen = 0, 0
    passed = np.empty(buckets, dtype=np.int64)  # numbers below each bucket that are in none of the wanted ones
    for bucket in range(buckets):
        size = ends[bucket] - (ends[bucket - 1] if bucket > 0 else 0)
        passed[bucket] = kept
        kept += 0 if wanted[bucket] else size
        chosen += size if wanted[bucket] else 0
    few, place = np.empty(chosen), 0
    keys = values.view(np.int64)
    for i in range(values.size):
        if wanted[_bucket(keys[i], least, shift, buckets)]:
            few[place] = values[i]
            place += 1
    few.sort()
    for j in range(ranks.size):
        found[j] = few[ranks[j] - passed[homes[j]]]
