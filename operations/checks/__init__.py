"""What `make verify` looks at, a module per subject."""
