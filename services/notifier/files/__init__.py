"""What people write: files of rules and of officials, checked with file, line and fix; their accepted versions."""
