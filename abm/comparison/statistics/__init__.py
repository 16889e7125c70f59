"""Means, intervals, effect sizes and sample sizes."""
