#include "edge/reginfo.h"

#include <array>
#include <pugixml.hpp>
#include <utility>

#include "edge/reg_event_limits.h"
#include "sip/list.h"
#include "sip/number.h"

namespace edge {
namespace {

using Contact = Reginfo::Contact;
using Event = Reginfo::Event;
using Registration = Reginfo::Registration;
using State = Reginfo::State;

constexpr std::array<std::pair<std::string_view, State>, 3> kStates = {{
    {"init", State::kInit},
    {"active", State::kActive},
    {"terminated", State::kTerminated},
}};
constexpr std::array<std::pair<std::string_view, Event>, 9> kEvents = {{
    {"registered", Event::kRegistered},
    {"created", Event::kCreated},
    {"refreshed", Event::kRefreshed},
    {"shortened", Event::kShortened},
    {"expired", Event::kExpired},
    {"deactivated", Event::kDeactivated},
    {"probation", Event::kProbation},
    {"unregistered", Event::kUnregistered},
    {"rejected", Event::kRejected},
}};

// Whatever prefix the namespace has.
bool IsNamed(const pugi::xml_node& node, std::string_view name) {
  const std::string_view text = node.name();
  const size_t colon = text.find(':');
  return text.substr(colon == std::string_view::npos ? 0 : colon + 1) == name;
}

std::string_view Attribute(const pugi::xml_node& node, const char* name) {
  return sip::Trim(node.attribute(name).value());
}

template <typename List, typename Value>
bool LookUp(const List& list, std::string_view text, Value* value) {
  for (const auto& [name, meaning] : list) {
    if (name != text) continue;
    *value = meaning;
    return true;
  }
  return false;
}

// One walk down the three levels there are, however deep the document is.
class Reader {
 public:
  ReginfoError Read(const pugi::xml_node& root, Reginfo* reginfo) {
    const std::string_view state = Attribute(root, "state");
    const std::optional<uint32_t> version = sip::DecodeNumber(Attribute(root, "version"));
    if (!IsNamed(root, "reginfo") || !version || (state != "full" && state != "partial")) {
      return ReginfoError::kMalformed;
    }
    reginfo->version = *version;
    reginfo->is_full = state == "full";
    for (const pugi::xml_node& node : root.children()) {
      if (!IsNamed(node, "registration")) continue;
      reginfo->registrations.emplace_back();
      ReadRegistration(node, &reginfo->registrations.back());
      if (error_ != ReginfoError::kOk) break;
    }
    return error_;
  }

 private:
  void ReadRegistration(const pugi::xml_node& node, Registration* registration) {
    Count();
    registration->aor = Attribute(node, "aor");
    Need(!registration->aor.empty() &&
         LookUp(kStates, Attribute(node, "state"), &registration->state));
    for (const pugi::xml_node& child : node.children()) {
      if (error_ != ReginfoError::kOk) return;
      if (!IsNamed(child, "contact")) continue;
      registration->contacts.emplace_back();
      ReadContact(child, &registration->contacts.back());
    }
  }

  void ReadContact(const pugi::xml_node& node, Contact* contact) {
    Count();
    State state;
    Need(LookUp(kStates, Attribute(node, "state"), &state) && state != State::kInit);
    if (error_ != ReginfoError::kOk) return;
    contact->is_active = state == State::kActive;
    LookUp(kEvents, Attribute(node, "event"), &contact->event);
    contact->expires_s = sip::DecodeNumber(Attribute(node, "expires"));
    for (const pugi::xml_node& child : node.children()) {
      if (IsNamed(child, "uri")) contact->uri = sip::Trim(child.child_value());
    }
    Need(!contact->uri.empty());
  }

  void Need(bool condition) {
    if (error_ == ReginfoError::kOk && !condition) error_ = ReginfoError::kMalformed;
  }
  void Count() {
    if (++entries_ > kReginfoEntriesMax) error_ = ReginfoError::kTooLarge;
  }

  ReginfoError error_ = ReginfoError::kOk;
  size_t entries_ = 0;
};

}  // namespace

ReginfoError ParseReginfo(std::string_view body, Reginfo* reginfo) {
  if (body.size() > kReginfoSizeMax) return ReginfoError::kTooLarge;
  *reginfo = Reginfo();
  // A document type is passed over unread, so entities of its making are unknown and stay text.
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size(), pugi::parse_default)) {
    return ReginfoError::kMalformed;
  }
  return Reader().Read(document.document_element(), reginfo);
}

}  // namespace edge
