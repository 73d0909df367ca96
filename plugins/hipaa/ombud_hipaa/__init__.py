"""Privacy complaints and access requests under HIPAA."""
