#include "edge/header_lines.h"

#include <algorithm>
#include <array>

#include "edge/context.h"
#include "edge/limits.h"
#include "sip/chars.h"
#include "sip/header_id.h"

namespace edge {
namespace {

using sip::Method;

constexpr uint32_t kResponseBit = 1u << 31;
constexpr uint32_t BitOfMethod(Method method) {
  return 1u << static_cast<uint32_t>(method);
}
static_assert(static_cast<uint32_t>(Method::kUpdate) < 31);

// A name gmedge knows is none of an operator's, so most lines of a message are not looked at.
void RemoveSenders(const HeaderLine& line, const sip::Message& message, sip::Editor* editor) {
  for (const sip::Header& header : message.headers()) {
    if (header.id != sip::HeaderId::kOther) continue;
    if (sip::EqualsIgnoreCase(message.Text(header.name), line.name)) editor->RemoveHeader(header);
  }
}

void Put(const HeaderLine& line, const SaSet& set, Context* context, const sip::Message& message,
         sip::Editor* editor, Actions* actions) {
  std::array<char, kHeaderLinesSizeMax> buffer;
  const std::string_view value = line.value.Expand(set, message, buffer);
  editor->AppendLine({line.name, ": ", value, "\r\n"});
  if (!line.value.reveals_keys()) return;
  xfrm::Wipe(buffer.data(), value.size());
  ++context->stats.keys_revealed;
  const Binding* binding = context->registrar.FindBinding(set.binding);
  actions->KeysRevealed(binding != nullptr ? binding->impi() : std::string_view(), line.name);
}

}  // namespace

std::optional<Condition> Condition::Of(std::string_view word) {
  if (word == "request") return Condition(~kResponseBit);
  if (word == "response") return Condition(kResponseBit);
  const Method method = sip::LookUpMethod(word);
  if (method == Method::kOther) return std::nullopt;
  return Condition(BitOfMethod(method));
}

uint32_t Condition::BitOf(const sip::Message& message) {
  return message.is_request() ? BitOfMethod(message.method()) : kResponseBit;
}

bool IsFreeHeaderName(std::string_view name) {
  return sip::IsToken(name) && sip::LookUpHeader(name) == sip::HeaderId::kOther;
}

void PutHeaderLines(Context* context, Direction direction, const SaSet* set,
                    const sip::Message& message, sip::Editor* editor, Actions* actions) {
  for (const HeaderLine& line : context->settings.headers) {
    if (line.direction != direction) continue;
    RemoveSenders(line, message, editor);
    if (set != nullptr && line.condition.Holds(message)) {
      Put(line, *set, context, message, editor, actions);
    }
  }
}

}  // namespace edge
