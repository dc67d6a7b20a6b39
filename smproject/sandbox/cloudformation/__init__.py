"""CloudFormation: reads a template, refuses what AWS would refuse, creates and deletes resources by AWS calls."""
