"""What is wrong with a published catalogue and with the accounts that use it, and how each fault is mended.

A check is a function with its data, in the module of its subject; `checks` holds them all, `examination` makes them
in each place: the hub, and the accounts that use its catalogue.
"""
