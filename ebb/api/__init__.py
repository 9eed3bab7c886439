"""The HTTP API's documents: requests, answers, problems, ETags and the OpenAPI description."""
