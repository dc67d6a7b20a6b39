"""Batch transform: a model's container asked for each record of objects in S3."""
