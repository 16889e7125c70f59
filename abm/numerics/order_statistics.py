"""Order statistics of large arrays and of stretches of them: sorting and selection by buckets.

A floating-point number that is not negative is ordered like its bits read as an integer, its key. A bucket is a
stretch of keys, narrow where the numbers are small, so that it stays few in numbers where the tail is heavy.
"""

import numpy as np

from abm.numerics.compilation import inlined, part

_FEW = 1024  # numbers that are simply sorted
_SHORT = 32  # numbers that insertion sorts best
_SAMPLE = 512
_MOST_BUCKETS = 8192  # as many as stay in the cache


@part
def _buckets(values, stretches):
    """The least key, by how many bits keys are shifted to be buckets, and the number of buckets.

    Both from a sample without its ends: numbers far out must not make the buckets wide for all; they go to the first
    bucket and the last.
    """
    buckets = _SAMPLE
    while 8 * buckets * stretches < values.size and buckets < _MOST_BUCKETS:
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


@part
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


@part
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


@part
def in_order(values):
    """Sorted values.

    Parameters
    ----------
    values : float64 array, shape (n,)
        None of them negative.
    """
    if values.size <= _FEW:
        ordered = values.copy()
        _sort(ordered)
        return ordered
    least, shift, buckets = _buckets(values, 1)
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


@inlined
def _merge(values, begin, middle, end, into):
    """Two sorted stretches side by side become one; written so that no branch must be guessed."""
    i, j, place = begin, middle, begin
    while i < middle and j < end:
        left = 1 if values[i] <= values[j] else 0
        into[place] = min(values[i], values[j])
        i, j, place = i + left, j + 1 - left, place + 1
    for rest in range(i, middle):
        into[place + rest - i] = values[rest]
    for rest in range(j, end):
        into[place + rest - j] = values[rest]


@part
def merged(values, bounds):
    """Sorted values, of stretches side by side that are sorted each; these are used up.

    Parameters
    ----------
    values : float64 array, shape (n,)
    bounds : int64 array, shape (stretches + 1,)
        Where each stretch begins, and n.
    """
    spare, stretches, bounds = np.empty_like(values), bounds.size - 1, bounds.copy()
    while stretches > 1:
        left = 0
        for stretch in range(0, stretches, 2):
            begin, middle = bounds[stretch], bounds[stretch + 1]
            end = bounds[min(stretch + 2, stretches)]
            _merge(values, begin, middle, end, spare)
            left += 1
            bounds[left] = end
        values, spare, stretches = spare, values, left
    return values


@inlined
def _mark(counts, ranks, wanted, bit, places):
    """Mark the buckets in which ranks lie, and place the ranks among the values of these; returns their number."""
    below, kept, j = 0, 0, 0  # values below a bucket, and those of them that are in marked ones
    for bucket in range(counts.size):
        end = below + counts[bucket]
        if j < ranks.size and ranks[j] < end:
            while j < ranks.size and ranks[j] < end:
                places[j] = kept + ranks[j] - below
                j += 1
            wanted[bucket] |= bit
            kept += counts[bucket]
        below = end
    return kept


@inlined
def _pick(ordered, places, found):
    for j in range(places.size):
        found[j] = ordered[places[j]]


@part
def _of_few(values, bounds, ranks, found):
    """As `of_ranks`, of few numbers: all are sorted."""
    ordered = values.copy()
    for stretch in range(bounds.size - 1):
        own = ordered[bounds[stretch] : bounds[stretch + 1]]
        _sort(own)
        if ranks.shape[0] > 1 and own.size > 0:
            _pick(own, ranks[1 + stretch], found[1 + stretch])
    _pick(merged(ordered, bounds), ranks[0], found[0])


@part
def of_ranks(values, bounds, ranks, found):
    """The values of given ranks, from 0, in the order of size: among all, and among those of each stretch.

    Parameters
    ----------
    values : float64 array, shape (n,)
        None of them negative.
    bounds : int64 array, shape (stretches + 1,)
        Where each stretch begins, and n.
    ranks : int64 array, shape (1, m) or (1 + stretches, m)
        Ascending; among all and, if there are more rows, among the values of each stretch.
    found : float64 array, of the shape of `ranks`
        Filled, but for stretches without values.
    """
    stretches, own = bounds.size - 1, ranks.shape[0] > 1
    if values.size <= _FEW:
        _of_few(values, bounds, ranks, found)
        return
    least, shift, buckets = _buckets(values, stretches)
    keys = values.view(np.int64)
    counts, whole = np.zeros((stretches, buckets), dtype=np.int32), np.zeros(buckets, dtype=np.int32)
    for stretch in range(stretches):
        count = counts[stretch]
        for i in range(bounds[stretch], bounds[stretch + 1]):
            count[_bucket(keys[i], least, shift, buckets)] += 1
        whole += count
    wanted, by_all, places = np.zeros(buckets, dtype=np.uint8), np.zeros(buckets, dtype=np.uint8), np.empty_like(ranks)
    few, place = np.empty(_mark(whole, ranks[0], by_all, 1, places[0])), 0
    for stretch in range(stretches):
        begin, end = bounds[stretch], bounds[stretch + 1]
        wanted[:] = by_all
        chosen = 0
        if own and end > begin:
            chosen = _mark(counts[stretch], ranks[1 + stretch], wanted, 2, places[1 + stretch])
        own_few, own_place = np.empty(chosen), 0
        for i in range(begin, end):
            marks = wanted[_bucket(keys[i], least, shift, buckets)]
            if marks != 0:
                if marks & 1 != 0:
                    few[place] = values[i]
                    place += 1
                if marks & 2 != 0:
                    own_few[own_place] = values[i]
                    own_place += 1
        if chosen > 0:
            own_few.sort()
            _pick(own_few, places[1 + stretch], found[1 + stretch])
    few.sort()
    _pick(few, places[0], found[0])
