# The raw io_uring echo, the physical limit that other load benches link too, and the reactor's echo
# beside it. Once through in the tests; by hand, without arguments, for figures.
add_library(bench_raw_echo STATIC bench/raw_echo.cc bench/raw_ring.cc)
target_include_directories(bench_raw_echo PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_raw_echo PUBLIC PkgConfig::uring Threads::Threads)

add_executable(reactor_echo bench/reactor_echo.cc)
target_link_libraries(reactor_echo PRIVATE gmedge_reactor bench_raw_echo)
add_test(NAME ${GMEDGE_TEST_PREFIX}reactor_echo COMMAND reactor_echo 1 6400)

add_executable(reactor_tcp_echo bench/reactor_tcp_echo.cc bench/raw_tcp_echo.cc)
target_link_libraries(reactor_tcp_echo PRIVATE gmedge_reactor bench_raw_echo)
add_test(NAME ${GMEDGE_TEST_PREFIX}reactor_tcp_echo COMMAND reactor_tcp_echo 1 6400)

add_executable(reactor_options bench/reactor_options.cc bench/reactor_option_echo.cc)
target_link_libraries(reactor_options PRIVATE bench_raw_echo)
add_test(NAME ${GMEDGE_TEST_PREFIX}reactor_options COMMAND reactor_options 1 6400)
