"""Hosting: models, endpoint configurations and endpoints whose containers really start and answer."""
