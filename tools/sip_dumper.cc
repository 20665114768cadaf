#include "tools/sip_dumper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "tools/capture.h"
#include "tools/shown_text.h"
#include "tools/sip_report_text.h"

namespace tools {
namespace {

constexpr size_t kReadSize = 64 * 1024;

// A file with its first bytes put back, for what must see them and cannot seek.
class FrontedFile {
 public:
  static std::FILE* Open(std::string front, std::FILE* rest) {
    cookie_io_functions_t functions = {};
    functions.read = Read;
    functions.close = Close;
    return fopencookie(new FrontedFile(std::move(front), rest), "r", functions);
  }

 private:
  FrontedFile(std::string front, std::FILE* rest) : front_(std::move(front)), rest_(rest) {}

  static ssize_t Read(void* cookie, char* out, size_t size) {
    FrontedFile* const self = static_cast<FrontedFile*>(cookie);
    if (self->front_.empty()) {
      const size_t count = std::fread(out, 1, size, self->rest_);
      return count == 0 && std::ferror(self->rest_) != 0 ? -1 : static_cast<ssize_t>(count);
    }
    const size_t count = self->front_.copy(out, size);
    self->front_.erase(0, count);
    return static_cast<ssize_t>(count);
  }
  static int Close(void* cookie) {
    const std::unique_ptr<FrontedFile> self(static_cast<FrontedFile*>(cookie));
    return std::fclose(self->rest_);
  }

  std::string front_;
  std::FILE* rest_;
};

std::string EndpointText(const reactor::Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

// "2026-11-25T10:33:47.123456Z".
std::string TimeText(int64_t time_us) {
  const time_t seconds = time_us / 1'000'000;
  tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:06}Z", std::string_view(text, size), time_us % 1'000'000);
}

// ", 3 what": what is not there is not spoken of.
std::string Also(uint64_t count, std::string_view what) {
  return count == 0 ? std::string() : fmt::format(", {} {}", count, what);
}

}  // namespace

void SipDumper::Dump(const std::string& name, std::FILE* file) {
  name_ = Escaped(name);
  counts_ = {};
  if (file == nullptr) return Fail(std::strerror(errno));
  std::string front(kCaptureMagicSize, '\0');
  front.resize(std::fread(front.data(), 1, front.size(), file));
  if (std::ferror(file) != 0) {
    Fail(std::strerror(errno));
    std::fclose(file);
  } else if (IsCaptureMagic(front)) {
    DumpCapture(FrontedFile::Open(front, file));
  } else if (options_.stream) {
    DumpStream(front, file);
  } else {
    DumpDatagram(front, file);
  }
}

void SipDumper::DumpCapture(std::FILE* file) {
  std::string error;
  const std::unique_ptr<Capture> capture = Capture::Open(file, &error);
  if (!capture) return Fail(error);
  SipCapture sip({.link_type = capture->link_type(), .esp_null = options_.esp_null}, this);
  for (Packet packet; capture->Next(&packet);) sip.OnPacket(packet);
  sip.Finish();
  Summarize(sip.counts());
  if (!capture->error().empty()) Fail(capture->error());
}

// A byte more than a message may have is enough to see that it is too large.
void SipDumper::DumpDatagram(const std::string& front, std::FILE* file) {
  std::string bytes(sip::kMessageSizeMax + 1 + sip::kPaddingSize, '\0');
  front.copy(bytes.data(), front.size());
  size_t size = front.size();
  size += std::fread(bytes.data() + size, 1, sip::kMessageSizeMax + 1 - size, file);
  const bool is_read = std::ferror(file) == 0;
  if (!is_read) Fail(std::strerror(errno));
  std::fclose(file);
  if (!is_read) return;
  const sip::PaddedView text = sip::PaddedView::Promise(std::string_view(bytes).substr(0, size));
  Report(text, Options(), {{"file", name_}}, name_);
}

void SipDumper::DumpStream(const std::string& front, std::FILE* file) {
  SipStream stream;
  fed_.clear();
  fed_at_ = 0;
  line_ = 1;
  std::string bytes = front;
  while (!bytes.empty()) {
    fed_ += bytes;
    stream.Feed(bytes, {}, this);
    bytes.resize(kReadSize);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  }
  if (std::ferror(file) != 0) Fail(std::strerror(errno));
  std::fclose(file);
  stream.Finish(this);
  if (counts_.messages > 0) return;
  status_ = std::max(status_, 1);
  const char* const reason = "no SIP message in it";
  const Json json = {{"file", name_},
                     {"verdict", "invalid"},
                     {"error", {{"rule", "NoMessage"}, {"reason", reason}}}};
  Print(options_.json ? json.dump() + "\n"
                      : fmt::format("== {}\ninvalid: NoMessage: {}\n\n", name_, reason));
}

void SipDumper::OnHeard(const Heard& heard) {
  const PacketStamp& stamp = heard.item.stamp;
  const std::string source = EndpointText(heard.source);
  const std::string destination = EndpointText(heard.destination);
  const char* const transport = heard.is_tcp ? "TCP" : "UDP";
  Json where = {{"file", name_},    {"packet", stamp.number},     {"time", TimeText(stamp.time_us)},
                {"source", source}, {"destination", destination}, {"transport", transport}};
  if (heard.is_esp) where["esp"] = "null";
  const std::string title =
      fmt::format("{} #{}  {}  {} -> {}  {}{}", name_, stamp.number, TimeText(stamp.time_us),
                  source, destination, transport, heard.is_esp ? " in ESP" : "");
  if (heard.item.kind == StreamItemKind::kSkipped) {
    return TellSkipped(heard.item.skipped, where, title);
  }
  ReportOptions options = Options();
  options.fault = heard.item.fault;
  options.is_incomplete = heard.item.kind == StreamItemKind::kCutShort;
  if (heard.missing > 0) where["missing"] = heard.missing;
  Report(
      heard.item.text, options, where,
      heard.missing == 0 ? title : fmt::format("{}  {} bytes are missing", title, heard.missing));
}

void SipDumper::OnItem(const StreamItem& item) {
  if (item.kind == StreamItemKind::kKeepAlive) return;
  ReportOptions options = Options();
  options.fault = item.fault;
  options.first_line = LineAt(item.at);
  const Json where = {{"file", name_}, {"first_line", options.first_line}};
  const std::string title = fmt::format("{}, line {}", name_, options.first_line);
  if (item.kind == StreamItemKind::kSkipped) return TellSkipped(item.skipped, where, title);
  Report(item.text, options, where, title);
}

void SipDumper::Report(sip::PaddedView text, const ReportOptions& options, Json where,
                       const std::string& title) {
  const Json report = ReportOn(text, options);
  const std::string verdict = report["verdict"].get<std::string>();
  const bool is_invalid = verdict == "invalid";
  ++counts_.messages;
  ++(is_invalid ? counts_.invalid : verdict == "valid" ? counts_.valid : counts_.incomplete);
  if (is_invalid) status_ = std::max(status_, 1);
  if (options_.quiet && !is_invalid) return;
  if (options_.json) {
    where.update(report);
    return Print(where.dump() + "\n");
  }
  Print(fmt::format("== {}  {} bytes\n{}\n", title, text.size(),
                    options_.quiet ? VerdictText(report) : ReportText(report)));
}

void SipDumper::TellSkipped(uint64_t skipped, Json where, const std::string& title) {
  if (options_.quiet) return;
  where["skipped"] = skipped;
  Print(options_.json
            ? where.dump() + "\n"
            : fmt::format("== {}\n{} bytes before it are in no message\n\n", title, skipped));
}

void SipDumper::Summarize(const CaptureCounts& counts) {
  if (options_.quiet) return;
  if (options_.json) {
    const Json summary = {{"packets", counts.packets},
                          {"udp_datagrams", counts.udp_datagrams},
                          {"tcp_streams", counts.tcp_streams},
                          {"messages", counts_.messages},
                          {"valid", counts_.valid},
                          {"invalid", counts_.invalid},
                          {"incomplete", counts_.incomplete},
                          {"keep_alives", counts.keep_alives},
                          {"not_sip_datagrams", counts.not_sip_datagrams},
                          {"not_sip_streams", counts.not_sip_streams},
                          {"esp_packets", counts.esp_packets},
                          {"gaps", counts.gaps},
                          {"missing_bytes", counts.missing_bytes},
                          {"skipped_bytes", counts.skipped_bytes},
                          {"incomplete_datagrams", counts.incomplete_datagrams},
                          {"cut_packets", counts.cut_packets},
                          {"broken_packets", counts.broken_packets},
                          {"dropped_streams", counts.dropped_streams}};
    const Json line = {{"file", name_}, {"summary", summary}};
    return Print(line.dump() + "\n");
  }
  std::string text = fmt::format(
      "== {}: {} packets, {} UDP datagrams, {} TCP streams; {} messages: {} valid, {} invalid",
      name_, counts.packets, counts.udp_datagrams, counts.tcp_streams, counts_.messages,
      counts_.valid, counts_.invalid);
  text += Also(counts_.incomplete, "incomplete");
  text += fmt::format("; {} keep-alives, {} not SIP", counts.keep_alives,
                      counts.not_sip_datagrams + counts.not_sip_streams);
  text += Also(counts.esp_packets, options_.esp_null ? "ESP packets that are encrypted"
                                                     : "ESP packets (--esp-null looks into them)");
  text += Also(counts.gaps, fmt::format("gaps with {} bytes", counts.missing_bytes));
  text += Also(counts.skipped_bytes, "bytes of SIP streams in no message");
  text += Also(counts.incomplete_datagrams, "datagrams with fragments missing");
  text += Also(counts.cut_packets, "packets not captured to their end");
  text += Also(counts.broken_packets, "broken packets");
  text += Also(counts.dropped_streams, "streams too many at once");
  Print(text + "\n");
}

void SipDumper::Print(const std::string& text) {
  std::fputs(text.c_str(), out_);
  std::fflush(out_);  // A live trace is read as it comes.
}

void SipDumper::Fail(const std::string& why) {
  status_ = 2;
  std::fflush(out_);
  std::fprintf(errors_, "sip_dump: %s: %s\n", name_.c_str(), why.c_str());
}

ReportOptions SipDumper::Options() const {
  ReportOptions options;
  options.reveal_keys = options_.reveal_keys;
  return options;
}

// Items come in order, so what is before one is never asked for again.
uint64_t SipDumper::LineAt(uint64_t place) {
  const size_t size = static_cast<size_t>(place - fed_at_);
  const auto end = fed_.begin() + static_cast<std::ptrdiff_t>(size);
  line_ += static_cast<uint64_t>(std::count(fed_.begin(), end, '\n'));
  fed_.erase(0, size);
  fed_at_ = place;
  return line_;
}

}  // namespace tools
