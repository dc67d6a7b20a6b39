"""Repositories made from seeds: how they begin, and how newer seeds reach them.

A branch `seed` holds each version of the seed as it was handed out, and nothing else. A fork's own branches start from
it; an upgrade adds a commit to it and merges that, so that git itself knows what the fork has changed.
"""
