"""Projects of an account beside what is published: which are outdated, and bringing them up to date.

`projects` finds them, `newest` says what is published, `update` shows and makes the update.
"""
