"""SageMaker project templates: the tool that assembles, checks and publishes them."""
