"""The sandbox's state on disk: what the server remembers, so that it survives a stop, a crash and a kill."""
