# xfrm_scale: many phones from nothing to nothing again. Once through on the fake kernel in every
# build; on the real one in the lab (cmake/lab.cmake); by hand for 100,000 phones.
add_executable(xfrm_scale bench/xfrm_scale.cc)
target_link_libraries(xfrm_scale PRIVATE gmedge_xfrm)
add_test(NAME ${GMEDGE_TEST_PREFIX}xfrm_scale COMMAND xfrm_scale sim 2000)
