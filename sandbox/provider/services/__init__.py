"""The resource types, in a module for each of pulumi-aws's own."""
