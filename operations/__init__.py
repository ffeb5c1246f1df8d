"""What operators and CI run around a deployment."""
