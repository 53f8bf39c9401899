"""A batch: from lines of a file or pipe to pictures and a line of result for each."""
