#include "sip/event.h"

#include "sip/chars.h"
#include "sip/number.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;

constexpr ParamField<Event> kEventFields[] = {{"id", &Event::id}};

struct Texts {
  std::string_view expires;
  std::string_view retry_after;
  std::string_view reason;
};
constexpr ParamField<Texts> kStateFields[] = {
    {"expires", &Texts::expires}, {"retry-after", &Texts::retry_after}, {"reason", &Texts::reason}};

constexpr SubscriptionPhase kPhases[] = {SubscriptionPhase::kActive, SubscriptionPhase::kPending,
                                         SubscriptionPhase::kTerminated};

// False when there is a text and it is no number.
bool DecodeSeconds(std::string_view text, std::optional<uint32_t>* seconds) {
  if (text.empty()) return true;
  *seconds = DecodeNumber(text);
  return seconds->has_value();
}

}  // namespace

std::string_view Name(SubscriptionPhase phase) {
  switch (phase) {
    case SubscriptionPhase::kOther:
      return "";
    case SubscriptionPhase::kActive:
      return "active";
    case SubscriptionPhase::kPending:
      return "pending";
    case SubscriptionPhase::kTerminated:
      return "terminated";
  }
  return "";
}

// Event = event-type *( SEMI event-param ); event-type = event-package *( "." event-template )
// A package and a template are tokens without dots.
ParseError DecodeEvent(std::string_view value, Event* event) {
  *event = {};
  const ValueParts parts = SplitValue(value);
  const std::string_view type = parts.head;
  if (!IsToken(type) || type.front() == '.' || type.back() == '.') return kBad;
  if (type.find("..") != std::string_view::npos) return kBad;
  if (!ReadParams(parts.params, kEventFields, event)) return kBad;
  const size_t dot = type.find('.');
  event->package = type.substr(0, dot);
  if (dot != std::string_view::npos) event->templates = type.substr(dot + 1);
  event->params = parts.params;
  return ParseError::kOk;
}

// Subscription-State = substate-value *( SEMI subexp-params )
// subexp-params = "reason" EQUAL token / "expires" EQUAL delta-seconds
//               / "retry-after" EQUAL delta-seconds / generic-param
ParseError DecodeSubscriptionState(std::string_view value, SubscriptionState* state) {
  *state = {};
  const ValueParts parts = SplitValue(value);
  Texts texts;
  if (!IsToken(parts.head) || !ReadParams(parts.params, kStateFields, &texts)) return kBad;
  if (!DecodeSeconds(texts.expires, &state->expires)) return kBad;
  if (!DecodeSeconds(texts.retry_after, &state->retry_after)) return kBad;
  state->reason = texts.reason;
  state->phase_text = parts.head;
  state->params = parts.params;
  for (const SubscriptionPhase phase : kPhases) {
    if (EqualsIgnoreCase(parts.head, Name(phase))) state->phase = phase;
  }
  return ParseError::kOk;
}

}  // namespace sip
