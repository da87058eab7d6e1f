"""What a project and its environment say: params.yaml, schema.yaml, PIPELINE_* variables."""
