"""Planning: what publishing would do to a live account, found by reading alone.

`account` and `folder` read what there is and ask `smproject.publishing` what it would do; `templates` compares a
published template with the new one: `parameters`, `rights` of roles and policies, and `replacing` of resources.
"""
