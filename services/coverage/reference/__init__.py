"""Takes, checks and keeps reference data: potentials, targets, quotas, designations, awards and sources."""
