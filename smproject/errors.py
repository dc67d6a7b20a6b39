"""Everything that can go wrong in the tool, as one small tree.

SmprojectError
├── CatalogError        a manifest, fragment or seed part is missing or ill-formed
├── AssemblyError       fragments or parts don't fit together
├── SeedFolderError     the folder for a seed can't be used
├── ForkError           a repository made from a seed can't be upgraded
├── MissingExtraError   a command needs an extra that isn't installed
├── DeploymentError     AWS refused a stack or a step of publishing
└── SandboxError        the sandbox can't start, or isn't there
"""


class SmprojectError(Exception):
    """Something the user can mend; the message says what was found, where, and what to do next."""


class CatalogError(SmprojectError):
    """A manifest, fragment or seed part is missing or ill-formed."""


class AssemblyError(SmprojectError):
    """Fragments or parts don't fit together."""


class SeedFolderError(SmprojectError):
    """The folder for a seed can't be used."""


class ForkError(SmprojectError):
    """A repository made from a seed can't be upgraded, or not as it is."""


class MissingExtraError(SmprojectError):
    """A command needs an extra that isn't installed."""


class DeploymentError(SmprojectError):
    """AWS refused a stack or a step of publishing."""


class SandboxError(SmprojectError):
    """The sandbox can't start, or isn't there."""
