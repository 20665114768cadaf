// The user part of our own URIs, by which the core and phones bring a request back to where it
// belongs: in Path it names the phone, in Record-Route the phone and the dialog.
//
//   Path          TOKEN           16 hex digits (Binding::token)
//                 oTOKEN          of a phone that registered with outbound (RFC 5626)
//   Record-Route  TOKEN-DIALOG    and the dialog's tag (Registrar::DialogTag)
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "edge/secrets.h"

namespace edge {

struct OwnUser {
  uint64_t token = 0;
  uint64_t dialog = 0;  // has_dialog.
  bool has_dialog = false;
  bool is_outbound = false;
};

// False: it is none of ours.
bool ReadOwnUser(std::string_view text, OwnUser* user);

// Of Record-Route.
using DialogUserText = std::array<char, 2 * std::tuple_size_v<HexText> + 1>;
DialogUserText WriteDialogUser(uint64_t token, uint64_t dialog);
// In front of the token in Path.
std::string_view PathUserStart(bool is_outbound);

}  // namespace edge
