# Programs that are neither tests nor tools: load benches; and tests that are not C++: tidy, the lab.
include(cmake/bench_reactor.cmake OPTIONAL)
include(cmake/bench_edge.cmake OPTIONAL)
include(cmake/bench_sip.cmake OPTIONAL)
include(cmake/bench_xfrm.cmake OPTIONAL)
include(cmake/tidy.cmake OPTIONAL)
include(cmake/lab.cmake OPTIONAL)
include(cmake/aarch64.cmake OPTIONAL)

if(TARGET gmedge)
  add_test(NAME ${GMEDGE_TEST_PREFIX}gmedge_cli
    COMMAND ${PROJECT_SOURCE_DIR}/tests/gmedge_cli_test.sh $<TARGET_FILE:gmedge> ${PROJECT_SOURCE_DIR})
endif()
if(TARGET sip_dump)
  add_test(NAME ${GMEDGE_TEST_PREFIX}sip_dump
    COMMAND ${PROJECT_SOURCE_DIR}/tests/sip_dump_test.sh $<TARGET_FILE:sip_dump> ${PROJECT_SOURCE_DIR})
endif()
