"""What administrators set up: units, queues, case types, roles, taxonomies; and who may."""
