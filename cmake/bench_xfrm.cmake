# xfrm_scale: many phones from nothing to nothing again. Once through on the fake kernel in every
# build; on the real one in the lab (cmake/lab.cmake); by hand for 100,000 phones.
add_executable(xfrm_scale bench/xfrm_scale.cc)
target_link_libraries(xfrm_scale PRIVATE gmedge_xfrm)
add_test(NAME ${GMEDGE_TEST_PREFIX}xfrm_scale COMMAND xfrm_scale sim 2000)

# xfrm_install: what a phone costs by the ways of others, by ours, and at the kernel's own speed.
# Needs a kernel with ESP: run in the lab (cmake/lab.cmake), there in full by hand.
add_executable(xfrm_install bench/xfrm_install.cc bench/xfrm_phones.cc)
target_link_libraries(xfrm_install PRIVATE gmedge_xfrm)

# xfrm_blocking: how long a batch holds the thread that sends it. As above; with policies instead of
# SAs on any kernel that has XFRM.
add_executable(xfrm_blocking bench/xfrm_blocking.cc bench/xfrm_phones.cc)
target_link_libraries(xfrm_blocking PRIVATE gmedge_xfrm PkgConfig::uring)
