"""What ``models`` does beyond listing: one module for each kind of work on the models folder."""
