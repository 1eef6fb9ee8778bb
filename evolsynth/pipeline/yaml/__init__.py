"""Pipelines as YAML files."""
