"""The data contract: what an experiment is, how its quality is judged, and how it is kept in DynamoDB.

The renderer, the worker and the sandbox all go through this package; docs/data-model.md describes it in prose.
It imports fast, because it is part of the renderer's cold start.
"""
