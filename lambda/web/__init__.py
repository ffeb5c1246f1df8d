"""What both functions share of HTTP: requests, routes, caching, links, documents, and clients of AWS."""
