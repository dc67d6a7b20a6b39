"""Pipelines of this repository: compile, publish and run them with `python -m pipelines.run`.

The SageMaker SDK reads these variables while it is imported, so they are set before anything imports it.
"""

import os

# Credentials come from the environment, a profile or the container; asking the instance metadata service where
# there is none costs seconds a call.
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
# The role is made by the project's stack; simulating its policies would need permissions that a build has no use for.
os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
if "AWS_REGION" in os.environ:
    os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])
