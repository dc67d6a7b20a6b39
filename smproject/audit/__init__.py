"""What roles may do, against what their resources need and what was done."""

from __future__ import annotations

from collections.abc import Iterator

from smproject.audit.findings import Finding
from smproject.errors import MissingExtraError


def of_templates(template_id: str | None = None) -> Iterator[Finding]:
    """Yield the wildcards of one template or of all, and what CloudFormation's roles lack to make them.

    Raises MissingExtraError, and CatalogError for a template that there is not.
    """
    try:
        from smproject.audit import templates  # noqa: PLC0415  # it needs the `sandbox` extra
    except ImportError as error:
        raise _missing(error) from error
    yield from templates.audit(template_id)


def of_project(project: str) -> Iterator[Finding]:
    """Yield what the roles of a project in the sandbox were denied, and what they never used.

    Raises MissingExtraError, SandboxError without a running sandbox, DeploymentError without such a project.
    """
    try:
        from smproject.audit import project as running  # noqa: PLC0415  # likewise
        from smproject.sandbox import lifecycle  # noqa: PLC0415
    except ImportError as error:
        raise _missing(error) from error
    yield from running.audit(lifecycle.default_home(), project)


def _missing(error: ImportError) -> MissingExtraError:
    return MissingExtraError(f"{error.name} isn't installed. Run: pip install 'sagemaker-project-templates[sandbox]'")
