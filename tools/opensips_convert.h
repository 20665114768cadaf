// gmedge --convert: the settings that do what an OpenSIPS configuration has proto_ipsec do.
#pragma once

#include <string>
#include <string_view>

namespace tools {

struct Conversion {
  std::string settings;  // TOML with comments; what could not be carried over is a remark in it.
  int remarks = 0;
  bool has_sockets = false;  // False: no usable socket of proto_ipsec; `settings` is the remarks.
};
Conversion ConvertOpensips(std::string_view text);

// Prints the settings. The exit status: 0 all is carried over, 1 there are remarks to read, 2 there
// is nothing to convert, with a message.
int ConvertOpensipsFile(const std::string& path);

}  // namespace tools
