"""Why a deployment does not go on: something is wrong, or there is nothing to deploy."""


class DeployError(RuntimeError):
    """A check failed, and nothing is deployed; the message says what was found, where, and what to do."""


class NothingToDeployError(Exception):
    """Nothing is wrong, and nothing is deployed; the message says why."""
