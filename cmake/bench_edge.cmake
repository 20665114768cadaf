# edge_load: gmedge under load, beside a raw echo. The smoke run shows that it still works; figures
# are for `edge_load` itself, on a release build and a quiet machine (docs/performance.md).
file(GLOB edge_load_sources CONFIGURE_DEPENDS bench/edge_load*.cc)
add_executable(edge_load ${edge_load_sources} bench/raw_echo.cc bench/raw_ring.cc bench/epoll_echo.cc bench/xfrm_phones.cc)
target_link_libraries(edge_load PRIVATE gmedge_sip gmedge_xfrm PkgConfig::uring spdlog::spdlog
  absl::flags absl::flags_parse absl::flags_usage Threads::Threads)
add_test(NAME ${GMEDGE_TEST_PREFIX}edge_load_smoke
  COMMAND edge_load --gmedge=$<TARGET_FILE:gmedge> --phones=200 --seconds=0.2
          --server_cpu=-1 --load_cpu=-1)
set_tests_properties(${GMEDGE_TEST_PREFIX}edge_load_smoke PROPERTIES TIMEOUT 120 RUN_SERIAL ON)
