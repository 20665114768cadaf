#include "tools/sip_report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tools/sip_report_fields.h"

namespace tools {
namespace {

// A value or "".
std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Row(std::string_view label, std::string_view value) {
  std::string row = fmt::format("  {:<21} {}", label, value);
  row.erase(row.find_last_not_of(' ') + 1);
  return row + "\n";
}

// One row a member, the label beside the first.
template <typename Write>
std::string Rows(std::string_view label, const Json& list, Write write) {
  std::string text;
  for (const Json& member : list) {
    const std::string row = member.contains("error") ? fmt::format("{}  [{}]", Text(member, "text"),
                                                                   Text(member, "error"))
                                                     : write(member);
    text += Row(text.empty() ? label : "", row);
  }
  return text;
}

// "[2001:db8::1]:5060".
std::string HostPort(const Json& json) {
  std::string host = Text(json, "host");
  if (host.find(':') != host.npos) host = "[" + host + "]";
  const std::string port = Text(json, "port");
  return port.empty() ? host : host + ":" + port;
}

std::string ViaRow(const Json& via) {
  return fmt::format("{} {}  {}", Text(via, "transport"), HostPort(via), Text(via, "params"));
}

std::string AddressRow(const Json& address) {
  if (Text(address, "uri") == "*") return "*";
  const std::string display = Text(address, "display");
  return fmt::format("{}{}<{}>  {}", display, display.empty() ? "" : " ", Text(address, "uri"),
                     Text(address, "params"));
}

std::string UriRows(const Json& uri) {
  if (uri.contains("error")) {
    return Row("Request-URI", fmt::format("{}  [{}]", Text(uri, "text"), Text(uri, "error")));
  }
  std::string parts;
  for (const char* key : {"scheme", "user", "host", "port", "params", "headers"}) {
    const std::string value = Text(uri, key);
    if (!value.empty()) parts += fmt::format("{}{} {}", parts.empty() ? "" : "  ", key, value);
  }
  return Row("Request-URI", Text(uri, "text")) + Row("", parts);
}

// Columns of a table that no member has are left out.
constexpr std::array<const char*, 11> kColumns = {
    "mechanism", "alg", "ealg", "prot", "mod", "spi-c", "spi-s", "port-c", "port-s", "q", "fault"};

std::string MechanismRows(std::string_view label, const Json& list) {
  std::vector<Json> members;
  std::string broken;
  for (const Json& member : list) {
    if (!member.contains("error")) {
      members.push_back(member);
      continue;
    }
    broken += Row(broken.empty() ? label : "",
                  fmt::format("{}  [{}]", Text(member, "text"), Text(member, "error")));
  }
  if (members.empty()) return broken;
  std::vector<std::string> lines(members.size() + 1);
  for (const char* column : kColumns) {
    size_t width = 0;
    for (const Json& member : members) width = std::max(width, Text(member, column).size());
    if (width == 0) continue;
    width = std::max(width, std::string_view(column).size()) + 2;
    lines[0] += fmt::format("{:<{}}", column, width);
    for (size_t i = 0; i < members.size(); ++i) {
      const std::string value = Text(members[i], column);
      lines[i + 1] += value + std::string(width - value.size(), ' ');
    }
  }
  std::string text;
  for (const std::string& line : lines) text += Row(text.empty() ? label : "", line);
  std::vector<std::string> told;
  for (const Json& member : members) {
    const std::string fault = Text(member, "fault");
    const std::string why = Text(member, "why");
    if (why.empty() || std::find(told.begin(), told.end(), fault) != told.end()) continue;
    told.push_back(fault);
    text += Row("", fmt::format("{}: {}", fault, why));
  }
  return broken + text;
}

std::string DigestRows(std::string_view label, const Json& list) {
  std::string text;
  for (const Json& digest : list) {
    const std::string_view first = text.empty() ? label : "";
    if (digest.contains("error")) {
      text += Row(first, fmt::format("{}  [{}]", Text(digest, "text"), Text(digest, "error")));
    } else if (!digest.contains("params")) {
      text += Row(first, Text(digest, "text"));
    } else {
      text += Row(first, Text(digest, "scheme"));
      for (const Json& param : digest["params"]) {
        const std::string value = Text(param, "value");
        text += Row(
            "", fmt::format("  {:<20}{}", Text(param, "name"), value.empty() ? "(empty)" : value));
      }
    }
  }
  return text;
}

std::string FieldRows(const Field& field, const Json& json) {
  const std::string_view label = sip::Name(field.id);
  switch (field.kind) {
    case FieldKind::kText:
      return Row(label, json.get<std::string>());
    case FieldKind::kCSeq:
      return Rows(label, Json::array({json}), [](const Json& cseq) {
        return fmt::format("{} {}", Text(cseq, "number"), Text(cseq, "method"));
      });
    case FieldKind::kAddress:
      return Rows(label, Json::array({json}), AddressRow);
    case FieldKind::kAddresses:
      return Rows(label, json, AddressRow);
    case FieldKind::kVias:
      return Rows(label, json, ViaRow);
    case FieldKind::kMechanisms:
      return MechanismRows(label, json);
    case FieldKind::kDigests:
      return DigestRows(label, json);
  }
  return {};
}

std::string BodyRow(const Json& body) {
  const std::string size = Text(body, "size");
  if (size == "0") return Row("body", "none");
  const std::string type = Text(body, "type");
  return Row("body", fmt::format("{} bytes, {}", size, type.empty() ? "no Content-Type" : type));
}

}  // namespace

std::string VerdictText(const Json& report) {
  std::string text = Text(report, "start_line") + "\n";
  const std::string verdict = Text(report, "verdict");
  const auto error = report.find("error");
  if (error == report.end()) return text + verdict + "\n";
  text += fmt::format("{}: {} at line {}, column {}: {}", verdict, Text(*error, "rule"),
                      Text(*error, "line"), Text(*error, "column"), Text(*error, "reason"));
  if (error->contains("status")) text += fmt::format("; answered {}", Text(*error, "status"));
  const std::string indent((*error)["caret"].get<size_t>(), ' ');
  return text + fmt::format("\n    {}\n    {}^\n", Text(*error, "text"), indent);
}

std::string ReportText(const Json& report) {
  std::string text = VerdictText(report);
  if (report.contains("notes")) {
    for (const Json& note : report["notes"]) {
      text += fmt::format("note: {}\n", note.get<std::string>());
    }
  }
  if (report.contains("method")) text += Row("method", Text(report, "method"));
  if (report.contains("request_uri")) text += UriRows(report["request_uri"]);
  if (report.contains("status")) {
    text += Row("status", fmt::format("{} {}", Text(report, "status"), Text(report, "reason")));
  }
  for (const Field& field : ReportFields()) {
    const auto json = report.find(KeyOf(field.id));
    if (json != report.end()) text += FieldRows(field, *json);
  }
  if (report.contains("headers")) {
    for (const Json& header : report["headers"]) {
      text += Row(Text(header, "name"), Text(header, "value"));
    }
  }
  return text + BodyRow(report["body"]);
}

}  // namespace tools
