// What sip_dump does with its files: messages found, reported, counted.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "tools/sip_capture.h"
#include "tools/sip_report.h"
#include "tools/sip_stream.h"

namespace tools {

struct DumpOptions {
  bool json = false;    // One object a line instead of text for people.
  bool quiet = false;   // Only what is invalid.
  bool stream = false;  // A text file is a stream, else one datagram.
  bool reveal_keys = false;
  bool esp_null = false;
};

class SipDumper : private HeardSink, private StreamSink {
 public:
  SipDumper(const DumpOptions& options, std::FILE* out, std::FILE* errors)
      : options_(options), out_(out), errors_(errors) {}

  // Reads `file` to its end and closes it: a capture or text, told by its first bytes. Null: could
  // not be opened, errno says why.
  void Dump(const std::string& name, std::FILE* file);

  // 0: all valid; 1: a message is invalid; 2: a file could not be read, or is broken.
  int status() const { return status_; }

 private:
  struct Counts {
    uint64_t messages = 0;
    uint64_t valid = 0;
    uint64_t invalid = 0;
    uint64_t incomplete = 0;
  };

  void DumpCapture(std::FILE* file);
  void DumpDatagram(const std::string& front, std::FILE* file);
  void DumpStream(const std::string& front, std::FILE* file);
  void OnHeard(const Heard& heard) override;
  void OnItem(const StreamItem& item) override;

  void Report(sip::PaddedView text, const ReportOptions& options, Json where,
              const std::string& title);
  void TellSkipped(uint64_t skipped, Json where, const std::string& title);
  void Summarize(const CaptureCounts& counts);
  void Print(const std::string& text);
  void Fail(const std::string& why);
  ReportOptions Options() const;
  uint64_t LineAt(uint64_t place);

  const DumpOptions options_;
  std::FILE* const out_;
  std::FILE* const errors_;
  std::string name_;  // Of the file at hand, escaped.
  Counts counts_;     // Of the file at hand.
  int status_ = 0;

  // Of a stream from a text file: what was fed from the byte on whose line is known.
  std::string fed_;
  uint64_t fed_at_ = 0;
  uint64_t line_ = 1;
};

}  // namespace tools
