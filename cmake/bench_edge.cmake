# edge_load: gmedge under load, beside a raw echo. The smoke run shows that it still works; figures
# are for `edge_load` itself, on a release build and a quiet machine (docs/performance.md).
file(GLOB edge_load_sources CONFIGURE_DEPENDS bench/edge_load*.cc)
add_executable(edge_load ${edge_load_sources} bench/raw_echo.cc bench/raw_tcp_echo.cc bench/raw_ring.cc bench/epoll_echo.cc bench/xfrm_phones.cc)
target_link_libraries(edge_load PRIVATE gmedge_sip gmedge_xfrm PkgConfig::uring spdlog::spdlog
  absl::flags absl::flags_parse absl::flags_usage Threads::Threads)
foreach(transport udp tcp)
  set(name ${GMEDGE_TEST_PREFIX}edge_load_${transport}_smoke)
  add_test(NAME ${name}
    COMMAND edge_load --gmedge=$<TARGET_FILE:gmedge> --phones=200 --transport=${transport}
            --seconds=0.2 --server_cpu=-1 --load_cpu=-1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 RUN_SERIAL ON)
endforeach()

# What edge_load has in common with those below.
set(edge_load_common bench/edge_load_files.cc bench/edge_load_messages.cc bench/edge_load_process.cc
  bench/edge_load_socket.cc bench/edge_load_streams.cc bench/edge_load_traffic.cc bench/raw_echo.cc bench/raw_ring.cc)

# edge_workers: several workers beside one.
add_executable(edge_workers bench/edge_workers.cc ${edge_load_common})
target_link_libraries(edge_workers PRIVATE gmedge_sip PkgConfig::uring absl::flags absl::flags_parse
  absl::flags_usage fmt::fmt Threads::Threads)
add_test(NAME ${GMEDGE_TEST_PREFIX}edge_workers_smoke
  COMMAND edge_workers --gmedge=$<TARGET_FILE:gmedge> --phones=200 --rounds=1 --seconds=0.2)
set_tests_properties(${GMEDGE_TEST_PREFIX}edge_workers_smoke PROPERTIES TIMEOUT 120 RUN_SERIAL ON)

# edge_flood: registered phones beside a flood of new ones. Likewise.
add_executable(edge_flood bench/edge_flood.cc ${edge_load_common})
target_link_libraries(edge_flood PRIVATE gmedge_sip PkgConfig::uring spdlog::spdlog
  absl::flags absl::flags_parse absl::flags_usage Threads::Threads)
add_test(NAME ${GMEDGE_TEST_PREFIX}edge_flood_smoke
  COMMAND edge_flood --gmedge=$<TARGET_FILE:gmedge> --phones=50 --rate=200 --seconds=0.3 --rounds=1
          --flood=20000 --server_cpu=-1 --load_cpu=-1)
set_tests_properties(${GMEDGE_TEST_PREFIX}edge_flood_smoke PROPERTIES TIMEOUT 120 RUN_SERIAL ON)

# edge_kills: whether the journal keeps what was promised. Likewise.
add_executable(edge_kills bench/edge_kills.cc ${edge_load_common})
target_link_libraries(edge_kills PRIVATE gmedge_edge PkgConfig::uring absl::flags absl::flags_parse
  absl::flags_usage Threads::Threads)
add_test(NAME ${GMEDGE_TEST_PREFIX}edge_kills_smoke
  COMMAND edge_kills --gmedge=$<TARGET_FILE:gmedge> --kills=5)
set_tests_properties(${GMEDGE_TEST_PREFIX}edge_kills_smoke PROPERTIES TIMEOUT 120 RUN_SERIAL ON)

# edge_strict: registrations with a journal, beside none. Likewise.
add_executable(edge_strict bench/edge_strict.cc ${edge_load_common})
target_link_libraries(edge_strict PRIVATE gmedge_sip PkgConfig::uring absl::flags absl::flags_parse
  absl::flags_usage fmt::fmt Threads::Threads)
add_test(NAME ${GMEDGE_TEST_PREFIX}edge_strict_smoke
  COMMAND edge_strict --gmedge=$<TARGET_FILE:gmedge> --phones=100 --rounds=1 --server_cpu=-1 --load_cpu=-1)
set_tests_properties(${GMEDGE_TEST_PREFIX}edge_strict_smoke PROPERTIES TIMEOUT 120 RUN_SERIAL ON)

# edge_takeover: one gmedge after the other takes over under load. Here some transactions; all of
# the 100,000 when GMEDGE_TAKEOVER_FULL is set, and whenever the program is run by hand.
add_executable(edge_takeover bench/edge_takeover.cc ${edge_load_common})
target_link_libraries(edge_takeover PRIVATE gmedge_sip PkgConfig::uring absl::flags absl::flags_parse
  absl::flags_usage fmt::fmt Threads::Threads)
foreach(transport udp tcp)
  set(name ${GMEDGE_TEST_PREFIX}edge_takeover_${transport}_smoke)
  if(GMEDGE_TAKEOVER_FULL)
    set(load --transactions=100000)
  else()
    set(load --transactions=2000 --takeovers=3 --phones=200 --rate=1000)
  endif()
  add_test(NAME ${name} COMMAND edge_takeover --gmedge=$<TARGET_FILE:gmedge> --transport=${transport} ${load})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 RUN_SERIAL ON)
endforeach()
