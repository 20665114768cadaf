// The messages of a phone, as bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/writer.h"

namespace tools {

// Of every request: who, from where, in which transaction.
struct RequestHead {
  std::string_view method;
  std::string_view uri;      // Request-URI.
  std::string_view sent_by;  // "192.0.2.77:37002", Via and Contact.
  std::string_view branch;
  std::string_view imsi;
  std::string_view realm;
  std::string_view from_tag;
  std::string_view to;  // The value of To.
  std::string_view call_id;
  uint32_t cseq = 1;
  bool over_tcp = false;
};

// The lines of the security agreement; all empty where there is none.
struct AgreementLines {
  std::string_view client = {};        // The value of Security-Client; REGISTER only.
  std::string_view verify_lines = {};  // Whole lines.
};

struct RegisterParts {
  std::string_view authorization;  // The value.
  uint32_t expires_s = 0;
  AgreementLines agreement;
  std::string_view extra = {};  // Whole lines.
};
// REGISTER (TS 24.229 5.1.1).
void WriteRegister(const RequestHead& head, const RegisterParts& parts, sip::Writer* writer);

struct RequestParts {
  std::string_view route;  // The value of Route.
  AgreementLines agreement;
  bool identify = true;  // P-Preferred-Identity and Contact: requests outside a dialog.
  std::string_view content_type = {};
  std::string_view body = {};
};
// Any other request: MESSAGE, OPTIONS, INVITE, and ACK and BYE in a dialog (TS 24.229 5.1.2A).
void WriteRequest(const RequestHead& head, const RequestParts& parts, sip::Writer* writer);

// A session description of a phone at `address` ("192.0.2.77" or "2001:db8::77"), into `out`.
// Returns its text.
std::string_view WriteSdp(std::string_view address, bool is_ipv6, std::span<char> out);

}  // namespace tools
