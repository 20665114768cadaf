#include "tools/capture.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <array>
#include <optional>

#include "tools/shown_text.h"

namespace tools {
namespace {

std::optional<LinkType> LinkTypeOf(int data_link) {
  switch (data_link) {
    case DLT_EN10MB:
      return LinkType::kEthernet;
    case DLT_LINUX_SLL:
      return LinkType::kCooked;
    case DLT_LINUX_SLL2:
      return LinkType::kCooked2;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return LinkType::kRawIp;
    case DLT_NULL:
    case DLT_LOOP:
      return LinkType::kLoopback;
    default:
      return {};
  }
}

// A file may say anything; what is after the year 9999 is no time.
int64_t MicrosecondsOf(const timeval& time) {
  constexpr int64_t kSecondsMax = 253'402'300'799;
  if (time.tv_sec < 0 || time.tv_sec > kSecondsMax) return 0;
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

bool IsCaptureMagic(std::string_view bytes) {
  constexpr std::array<std::string_view, 7> kMagics = {
      "\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1",  // pcap, microseconds.
      "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1",  // pcap, nanoseconds.
      "\xa1\xb2\xcd\x34", "\x34\xcd\xb2\xa1",  // pcap as Kuznetsov changed it.
      "\x0a\x0d\x0d\x0a",                      // pcapng.
  };
  for (const std::string_view magic : kMagics) {
    if (bytes.starts_with(magic)) return true;
  }
  return false;
}

std::unique_ptr<Capture> Capture::Open(FILE* file, std::string* error) {
  char reason[PCAP_ERRBUF_SIZE] = "";
  pcap_t* const handle = pcap_fopen_offline(file, reason);
  if (handle == nullptr) {
    std::fclose(file);
    *error = Escaped(reason);
    return nullptr;
  }
  const std::optional<LinkType> link_type = LinkTypeOf(pcap_datalink(handle));
  if (!link_type) {
    const char* const name = pcap_datalink_val_to_name(pcap_datalink(handle));
    *error = fmt::format("link type {} ({}) is not known: Ethernet, Linux cooked, raw IP, loopback",
                         pcap_datalink(handle), name == nullptr ? "unnamed" : name);
    pcap_close(handle);
    return nullptr;
  }
  return std::unique_ptr<Capture>(new Capture(handle, *link_type));
}

Capture::~Capture() {
  pcap_close(handle_);  // Closes the file, too.
}

bool Capture::Next(Packet* packet) {
  if (!error_.empty()) return false;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = pcap_next_ex(handle_, &header, &bytes);
  if (result == PCAP_ERROR_BREAK) return false;
  if (result != 1) {
    error_ = fmt::format("after packet {}: {}", packets_, Escaped(pcap_geterr(handle_)));
    return false;
  }
  packet->stamp.number = ++packets_;
  packet->stamp.time_us = MicrosecondsOf(header->ts);
  packet->bytes = {reinterpret_cast<const char*>(bytes), header->caplen};
  packet->is_cut = header->len > header->caplen;
  return true;
}

}  // namespace tools
