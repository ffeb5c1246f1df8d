"""The whole site on this machine: the embedded AWS, Pulumi's engine, a local AWS provider and sample experiments."""
