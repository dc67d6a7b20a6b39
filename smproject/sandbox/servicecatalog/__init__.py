"""Service Catalog: portfolios and products that are shared, and provisioned as CloudFormation stacks."""
