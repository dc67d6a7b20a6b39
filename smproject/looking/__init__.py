"""What a template is, read from its manifest, its template.yaml and the reviewed definitions of its pipelines."""
