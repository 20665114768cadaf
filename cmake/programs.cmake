# Programs that are neither tests nor tools: load benches; and tests that are not C++: tidy, the lab.
