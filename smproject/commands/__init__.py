"""The commands of `smproject`: modules by subject, one short function a command, and no logic.

What a command needs is imported when it runs, so that help and shell completion answer at once.
"""
