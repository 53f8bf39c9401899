"""The parts of the benchmark, a module each: ``measure(bench)`` runs what is compared in turn and records it."""
