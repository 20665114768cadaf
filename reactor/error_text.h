// "what: reason" for the set-up errors of this module.
#pragma once

#include <cstring>
#include <string>

namespace reactor {

// `error` is a positive errno.
inline std::string ErrorText(const std::string& what, int error) {
  return what + ": " + std::strerror(error);
}

}  // namespace reactor
