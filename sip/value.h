// Pieces that many header values are made of: what stands before the parameters, parameters of
// known names, qvalues.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/list.h"

namespace sip {

// `head *( SEMI param )`.
struct ValueParts {
  std::string_view head;    // Trimmed. May be empty.
  std::string_view params;  // From the first ';' on, or empty.
};

// A ';' in a quoted string at the front belongs to the head.
ValueParts SplitValue(std::string_view text);

// Cuts the token at the front of *text, and the blanks before it. Empty when there is none.
std::string_view CutToken(std::string_view* text);

// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths.
std::optional<uint16_t> DecodeQ(std::string_view text);

// A parameter that ReadParams() looks for. With `value` alone it must have a value that is not
// empty, with `flag` alone its being there counts (";lr" and ";lr=on" alike), with both the value
// is as it may be.
template <typename T>
struct ParamField {
  std::string_view name;
  std::string_view T::*value = nullptr;
  bool T::*flag = nullptr;
};

// Stores `param` where `field` wants it. False when it stands there already, since two readers
// could believe different ones, and when the value that must be is not.
template <typename T>
[[nodiscard]] bool StoreParam(const ParamField<T>& field, const Param& param, T* result) {
  if (field.flag != nullptr) {
    if (result->*field.flag) return false;
    result->*field.flag = true;
    if (field.value != nullptr) result->*field.value = param.value;
    return true;
  }
  if (!(result->*field.value).empty() || param.value.empty()) return false;
  result->*field.value = param.value;
  return true;
}

// Reads the list once and stores the parameters that `fields` names; others are passed over. False
// for broken syntax and when StoreParam() refuses one.
template <typename T, size_t kSize>
[[nodiscard]] bool ReadParams(std::string_view params, const ParamField<T> (&fields)[kSize],
                              T* result) {
  ParamReader reader(params);
  for (Param param; reader.Next(&param);) {
    for (const ParamField<T>& field : fields) {
      if (!EqualsIgnoreCase(param.name, field.name)) continue;
      if (!StoreParam(field, param, result)) return false;
      break;
    }
  }
  return reader.ok();
}

}  // namespace sip
