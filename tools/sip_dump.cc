// sip_dump: how gmedge's parser reads SIP messages, from files or captures.
#include <absl/flags/flag.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tools/program.h"
#include "tools/sip_dumper.h"

ABSL_FLAG(bool, json, false, "one JSON object a line, for each message and each capture");
ABSL_FLAG(bool, quiet, false, "only invalid messages: where, start line, verdict");
ABSL_FLAG(bool, stream, false,
          "a text file holds messages one behind the other, cut by Content-Length as over TCP");
ABSL_FLAG(bool, reveal_keys, false, "print ik and ck of challenges, else \"(hidden)\"");
ABSL_FLAG(bool, esp_null, false,
          "look into ESP of captures for null encryption (ICV of 12 or 16 bytes)");

namespace {

constexpr const char* kUsage =
    R"(shows how gmedge reads SIP messages: verdict, place of the fault, and what each header says

  sip_dump [--json] [--quiet] [--stream] [--reveal-keys] [--esp-null] [FILE...]

A FILE, or standard input for "-" or none, is a capture (pcap, pcapng: UDP and TCP on any port) or
text: one message, or with --stream any number. Lines may end with LF alone. Control characters come
out as \xNN. Exit status: 0 all messages are valid, 1 one is not, 2 a file cannot be read, a capture
is broken, or the flags are.

  sip_dump register.sip                         # one message
  tcpdump -i any -U -w - | sip_dump --esp-null  # a live trace of Gm
  sip_dump --json trace.pcap | jq 'select(.verdict == "invalid") | .error')";

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files = tools::ParseFlagsAndArguments(argc, argv, kUsage);
  if (files.empty()) files.emplace_back("-");
  tools::DumpOptions options;
  options.json = absl::GetFlag(FLAGS_json);
  options.quiet = absl::GetFlag(FLAGS_quiet);
  options.stream = absl::GetFlag(FLAGS_stream);
  options.reveal_keys = absl::GetFlag(FLAGS_reveal_keys);
  options.esp_null = absl::GetFlag(FLAGS_esp_null);
  tools::SipDumper dumper(options, stdout, stderr);
  for (const std::string& file : files) {
    if (file == "-") {
      dumper.Dump("standard input", stdin);
    } else {
      dumper.Dump(file, std::fopen(file.c_str(), "rb"));
    }
  }
  return dumper.status();
}
