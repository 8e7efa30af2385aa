"""Takes and keeps reference data: potentials, targets, quotas, designations, awards, sources."""
