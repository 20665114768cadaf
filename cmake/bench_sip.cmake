# sip_message_bench has other SIP parsers beside ours where their packages are installed
# (`peers` of tools/packages); and the program whose instructions bench/sip_instructions counts.
pkg_check_modules(sofia QUIET IMPORTED_TARGET sofia-sip-ua)
pkg_check_modules(osip QUIET IMPORTED_TARGET libosip2)

target_sources(sip_message_bench PRIVATE bench/sip_peers.cc)
if(sofia_FOUND)
  target_sources(sip_message_bench PRIVATE bench/sip_peer_sofia.cc)
  target_compile_definitions(sip_message_bench PRIVATE GMEDGE_BENCH_SOFIA)
  target_link_libraries(sip_message_bench PRIVATE PkgConfig::sofia)
endif()
if(osip_FOUND)
  target_sources(sip_message_bench PRIVATE bench/sip_peer_osip.cc)
  target_compile_definitions(sip_message_bench PRIVATE GMEDGE_BENCH_OSIP)
  target_link_libraries(sip_message_bench PRIVATE PkgConfig::osip)
endif()

add_executable(sip_message_once bench/sip_message_once.cc)
gmedge_link_for(sip_message_once sip_message_once)
target_link_libraries(sip_message_once PRIVATE benchmark::benchmark)
