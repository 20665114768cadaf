// What both sides of a takeover must have in common, compared before anything is handed over: how
// they speak, and the settings that sockets, SAs and tables were made by.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/settings.h"

namespace edge {

// Of what is said and of all that is written: raised with every change of either.
inline constexpr int kTakeoverVersion = 3;

// `xfrm`: "kernel" or "sim".
using TakeoverTerms = std::vector<std::pair<std::string, std::string>>;
TakeoverTerms TermsOf(const Settings& settings, std::string_view xfrm);

// Lines of "name=value" behind one that names the version.
std::string WriteTerms(const TakeoverTerms& terms, int version = kTakeoverVersion);
// "" if they are ours, else why nothing can be taken over, for an operator.
std::string CompareTerms(std::string_view text, const TakeoverTerms& ours);

}  // namespace edge
