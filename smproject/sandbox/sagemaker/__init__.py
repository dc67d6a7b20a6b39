"""SageMaker: projects, jobs that run, pipelines that execute, the model registry."""
