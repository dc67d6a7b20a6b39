"""Drift detection: what the resources of a stack have become since CloudFormation made or changed them."""
