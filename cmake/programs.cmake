# Programs that are neither tests nor tools: load benches; and tests that are not C++: tidy, the lab.
include(cmake/bench_reactor.cmake OPTIONAL)
include(cmake/bench_edge.cmake OPTIONAL)
include(cmake/tidy.cmake OPTIONAL)
include(cmake/lab.cmake OPTIONAL)
