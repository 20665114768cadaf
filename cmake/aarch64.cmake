# sip/ for 64-bit ARM, cross-compiled and run under qemu (cmake/aarch64): once, in the plain build.
if(GMEDGE_TEST_PREFIX)
  return()
endif()
find_program(AARCH64_COMPILER aarch64-linux-gnu-g++)
find_program(AARCH64_EMULATOR qemu-aarch64)
if(AARCH64_COMPILER AND AARCH64_EMULATOR)
  add_test(NAME aarch64
    COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test
      ${PROJECT_SOURCE_DIR}/cmake/aarch64 ${PROJECT_BINARY_DIR}/aarch64
      --build-generator Ninja --build-project gmedge_aarch64 --build-noclean
      --test-command ${CMAKE_CTEST_COMMAND} --output-on-failure --no-tests=error)
  set_tests_properties(aarch64 PROPERTIES TIMEOUT 900)
else()
  add_test(NAME aarch64 COMMAND ${CMAKE_COMMAND} -E echo
    "SKIPPED: needs g++-aarch64-linux-gnu and qemu-user (tools/packages)")
  set_tests_properties(aarch64 PROPERTIES SKIP_REGULAR_EXPRESSION "^SKIPPED")
endif()
