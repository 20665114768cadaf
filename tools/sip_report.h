// What the parser makes of a message, as JSON: the verdict with the place of the fault, and what
// each header says.
#pragma once

#include <nlohmann/json.hpp>

#include "sip/framer.h"
#include "sip/span.h"

namespace tools {

// Keys stay in the order in which they were set.
using Json = nlohmann::ordered_json;

struct ReportOptions {
  bool reveal_keys = false;                      // Else ik and ck are "(hidden)".
  sip::FrameError fault = sip::FrameError::kOk;  // Why a stream could not be cut here.
  bool is_incomplete = false;                    // The capture lacks bytes of it: not judged.
  uint64_t first_line = 1;                       // Of its file; lines are counted from there.
};

// Every string in it that came with the message is a ShownText. The keys, where they apply:
//
//   size          bytes, those beyond Content-Length included
//   start_line
//   verdict       "valid", "invalid" or "incomplete"
//   error         {rule ("BadVia") reason line column text (the line) caret status}; `status` is
//   what
//                 a request is answered with, `caret` the characters of `text` before the fault
//   notes         texts: what is odd without making it invalid
//   method, request_uri {text scheme user password host port params headers}, or status, reason
//   via, from...  each ReportFields() that is there, by KeyOf(); a member that its decoder refused
//                 has only `text` and `error` (a rule)
//   headers       [{name value}]: all others, as they stand
//   body          {size type}
//
// Parse() and Validate() alone give the verdict; a broken header that neither reads is a note.
Json ReportOn(sip::PaddedView bytes, const ReportOptions& options);

}  // namespace tools
