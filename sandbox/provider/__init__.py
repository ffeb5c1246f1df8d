"""A `pulumi-resource-aws` for the sandbox: pulumi-aws's resource types, realised on the embedded AWS with boto3.

`python -m sandbox.provider` serves Pulumi's provider protocol. Each module named after an AWS service holds the
handlers of that service's resource types; to add a type or a property, add it there.
"""
