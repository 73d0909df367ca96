"""Rights under the GDPR and the UK GDPR."""
