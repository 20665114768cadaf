#include "edge/settings_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "edge/settings_toml.h"

namespace edge {
namespace {

// Edits (insert, delete, replace one character) that make one of the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// The most alike of `names`, when it is like enough to be meant: two thirds of it are there.
std::string_view Nearest(std::string_view name, std::span<const std::string_view> names) {
  constexpr size_t kNameMax = 64;
  if (name.size() > kNameMax) return {};
  std::string_view nearest;
  size_t least = SIZE_MAX;
  for (const std::string_view candidate : names) {
    const size_t distance = Distance(name, candidate);
    if (distance > std::max<size_t>(1, candidate.size() / 3) || distance >= least) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

}  // namespace

std::string Quoted(std::string_view name) {
  TomlValue value;
  value.string = name;
  return value.Show();
}

std::string Hint(std::string_view name, std::span<const std::string_view> names,
                 std::string_view what) {
  const std::string_view nearest = Nearest(name, names);
  if (!nearest.empty()) return fmt::format("did you mean \"{}\"?", nearest);
  return fmt::format("{} are {}", what, fmt::join(names, ", "));
}

}  // namespace edge
