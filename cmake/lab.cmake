# The kernel lab: tests that need a real kernel with ESP run in a guest (tests/lab/lab.py).
# Registered in the plain build alone: what the sanitizers find is found without a guest.
if(GMEDGE_TEST_PREFIX)
  return()
endif()

# gmedge_lab_test(NAME PROGRAM ARGUMENT...): runs PROGRAM in the guest; skipped, with the reason in
# its output, where the guest cannot run. TIMEOUT is a little more than what lab.py grants itself.
function(gmedge_lab_test name)
  add_test(NAME lab_${name}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/lab/lab.py --timeout 170 ${ARGN})
  set_tests_properties(lab_${name} PROPERTIES LABELS lab TIMEOUT 180 SKIP_RETURN_CODE 77)
endfunction()

# The suites that the fake kernel passes, against the real one: all of them in one guest.
set(conformance)
foreach(suite conformance conformance_dump conformance_lifetime conformance_replay conformance_esp
        conformance_offload conformance_nat fake_check probe)
  if(TARGET xfrm_${suite}_test)
    list(APPEND conformance $<TARGET_FILE:xfrm_${suite}_test>)
  endif()
endforeach()
if(conformance)
  gmedge_lab_test(xfrm_conformance ${PROJECT_SOURCE_DIR}/tests/lab/run_all.sh ${conformance})
endif()
if(TARGET xfrm_scale)
  gmedge_lab_test(xfrm_scale $<TARGET_FILE:xfrm_scale> kernel 5000)
endif()
if(TARGET xfrm_install)
  gmedge_lab_test(xfrm_install $<TARGET_FILE:xfrm_install> 256 1)
endif()
if(TARGET xfrm_blocking)
  gmedge_lab_test(xfrm_blocking $<TARGET_FILE:xfrm_blocking> sas 2)
endif()
if(TARGET edge_kill_test)
  gmedge_lab_test(edge_kill $<TARGET_FILE:edge_kill_test> --gtest_filter=EdgeKillReal.*)
endif()
foreach(scenario registration requests tcp fail_closed lifetimes restart startup diagnosis offload workers
        changes calls kills takeover nat)
  gmedge_lab_test(${scenario}
    python3 ${PROJECT_SOURCE_DIR}/tests/lab/guest_${scenario}.py ${PROJECT_BINARY_DIR})
endforeach()
