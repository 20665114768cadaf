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
  # Calls by sipp, where it is installed (docs/sipp.md): in clear, and over SAs against gmcore.
  add_test(NAME ${GMEDGE_TEST_PREFIX}sipp
    COMMAND ${PROJECT_SOURCE_DIR}/tools/sipp_check.py --build $<TARGET_FILE_DIR:gmedge> --calls 200 --rate 100)
  add_test(NAME ${GMEDGE_TEST_PREFIX}sipp_agreed
    COMMAND ${PROJECT_SOURCE_DIR}/tools/sipp_check.py --build $<TARGET_FILE_DIR:gmedge> --agreed --calls 50 --rate 50)
  set_tests_properties(${GMEDGE_TEST_PREFIX}sipp ${GMEDGE_TEST_PREFIX}sipp_agreed PROPERTIES
    TIMEOUT 120 SKIP_RETURN_CODE 77)
endif()
if(TARGET sip_dump)
  add_test(NAME ${GMEDGE_TEST_PREFIX}sip_dump
    COMMAND ${PROJECT_SOURCE_DIR}/tests/sip_dump_test.sh $<TARGET_FILE:sip_dump> ${PROJECT_SOURCE_DIR})
endif()
