"""Networks: torch only, one network per file."""
