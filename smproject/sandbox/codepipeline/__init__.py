"""CodePipeline: pipelines that run, stage by stage, with the roles that they name."""

from smproject.sandbox.codepipeline.service import CodePipelineService

__all__ = ["CodePipelineService"]
