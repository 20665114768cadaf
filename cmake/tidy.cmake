# House rules (STYLE.md) as tests; once, in the plain build.
if(GMEDGE_TEST_PREFIX)
  return()
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME tidy COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/tidy.py)
add_test(NAME tidy_rules COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/tidy_test.py)
add_test(NAME mutations_fit
         COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/mutants.py --check)
set_tests_properties(tidy tidy_rules mutations_fit PROPERTIES TIMEOUT 120)
