// Captures as they may come from anywhere, and the reports on what is in them: nothing breaks, what
// is printed acts on no terminal and tells no key, and the whole is JSON.
//
//   a pcap or pcapng file   read as sip_dump reads it
//   anything else           reported on as a message, and as a stream of text
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tools/capture.h"
#include "tools/sip_dumper.h"

namespace {

void Check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

std::string Dump(const tools::DumpOptions& options, std::string_view bytes) {
  // One more than nothing: fmemopen() wants a size.
  std::FILE* const file = fmemopen(nullptr, bytes.size() + 1, "w+");
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fflush(file);
  std::rewind(file);
  char* out = nullptr;
  size_t out_size = 0;
  std::FILE* const out_file = open_memstream(&out, &out_size);
  tools::SipDumper dumper(options, out_file, out_file);
  dumper.Dump("f", file);
  std::fclose(out_file);
  std::string text(out, out_size);
  std::free(out);
  return text;
}

void CheckText(std::string_view text) {
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    Check(byte == '\n' || (byte >= 0x20 && byte != 0x7f), "no control character is printed");
  }
  // Throws, and so ends the fuzzer, for what is no UTF-8.
  Check(!nlohmann::json(std::string(text)).dump().empty(), "UTF-8");
}

void CheckJson(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Check(end != text.npos, "each line ends");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with("sip_dump: ")) continue;
    Check(nlohmann::json::accept(line), "a line is JSON");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const bool is_capture = tools::IsCaptureMagic(bytes);
  CheckText(Dump({.esp_null = true}, bytes));
  CheckJson(Dump({.json = true, .esp_null = true}, bytes));
  if (is_capture) return 0;
  CheckText(Dump({.stream = true}, bytes));
  CheckJson(Dump({.json = true, .quiet = true, .stream = true}, bytes));
  return 0;
}
