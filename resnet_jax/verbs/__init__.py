"""What the command line can do, one verb a file."""
