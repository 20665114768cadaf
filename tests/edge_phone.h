// A phone played by hand (tools/plain_phone.h), and the keys of its challenges.
#pragma once

#include <string>
#include <string_view>

#include "tests/edge_world.h"
#include "tools/plain_phone.h"

namespace edge {

inline constexpr std::string_view kIk = "f769bcd751044604127672711c6d3441";  // Milenage set 1.
inline constexpr std::string_view kCk = "b40ba9a3c58b2a05bbf0d987b21bf8cb";
inline constexpr std::string_view kRealm = tools::kPlainRealm;

using tools::Answer;
using tools::LinesOf;
using tools::ParamOf;
using tools::Replaced;
using tools::StatusOf;
using tools::ValueOf;
using TestPhone = tools::PlainPhone;
using TestSet = tools::PlainSet;

inline std::string ChallengeLine(const std::string& nonce) {
  return "WWW-Authenticate: Digest realm=\"" + std::string(kRealm) + "\",nonce=\"" + nonce +
         "\",algorithm=AKAv1-MD5,qop=\"auth\",ck=\"" + std::string(kCk) + "\",ik=\"" +
         std::string(kIk) + "\"\r\n";
}

}  // namespace edge
