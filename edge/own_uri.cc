#include "edge/own_uri.h"

#include <algorithm>

namespace edge {
namespace {

constexpr size_t kTokenSize = std::tuple_size_v<HexText>;
constexpr std::string_view kOutbound = "o";

}  // namespace

bool ReadOwnUser(std::string_view text, OwnUser* user) {
  *user = {};
  if (text.size() == kTokenSize + kOutbound.size() && text.starts_with(kOutbound)) {
    user->is_outbound = true;
    text.remove_prefix(kOutbound.size());
  } else if (text.size() == std::tuple_size_v<DialogUserText> && text[kTokenSize] == '-') {
    user->has_dialog = true;
    if (!ReadHex(text.substr(kTokenSize + 1), &user->dialog)) return false;
    text = text.substr(0, kTokenSize);
  }
  return ReadHex(text, &user->token);
}

DialogUserText WriteDialogUser(uint64_t token, uint64_t dialog) {
  const HexText first = WriteHex(token);
  const HexText second = WriteHex(dialog);
  DialogUserText text;
  std::copy(first.begin(), first.end(), text.begin());
  text[kTokenSize] = '-';
  std::copy(second.begin(), second.end(), text.begin() + kTokenSize + 1);
  return text;
}

std::string_view PathUserStart(bool is_outbound) {
  return is_outbound ? kOutbound : std::string_view();
}

}  // namespace edge
