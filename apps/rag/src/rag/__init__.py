"""A retrieval backend: documents are cut up, embedded by a local model server, and searched."""
