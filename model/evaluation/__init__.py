"""Evaluation: metrics, baselines and the tasks that put a profile's models to them. Nothing here is needed to serve."""
