# Programs that are neither tests nor tools: load benches; and tests that are not C++: tidy, the lab.
if(TARGET gmedge)
  include(cmake/bench_edge.cmake)  # Its smoke test is a test of the daemon, in every build of it.
endif()
if("benches" IN_LIST GMEDGE_PARTS)
  include(cmake/bench_reactor.cmake)
  include(cmake/bench_sip.cmake)
  include(cmake/bench_xfrm.cmake)
endif()
include(cmake/tidy.cmake)
include(cmake/lab.cmake)
include(cmake/aarch64.cmake)

if(TARGET gmedge)
  add_test(NAME ${GMEDGE_TEST_PREFIX}gmedge_cli
    COMMAND ${PROJECT_SOURCE_DIR}/tests/gmedge_cli_test.sh $<TARGET_FILE:gmedge> ${PROJECT_SOURCE_DIR})
endif()
if(TARGET sip_dump)
  add_test(NAME ${GMEDGE_TEST_PREFIX}sip_dump
    COMMAND ${PROJECT_SOURCE_DIR}/tests/sip_dump_test.sh $<TARGET_FILE:sip_dump> ${PROJECT_SOURCE_DIR})
endif()
