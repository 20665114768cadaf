// What to say of a name in the settings that is none: the one that was meant, or all there are.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace edge {

// As a string is shown in messages: in quotes, shortened, control characters escaped.
std::string Quoted(std::string_view name);
// "did you mean "x"?" when one of `names` is like it enough, else "WHAT are x, y, z".
std::string Hint(std::string_view name, std::span<const std::string_view> names,
                 std::string_view what);

}  // namespace edge
