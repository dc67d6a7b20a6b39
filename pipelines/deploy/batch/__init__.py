"""Scoring in batches: approved models, asked on a schedule and on new data."""
